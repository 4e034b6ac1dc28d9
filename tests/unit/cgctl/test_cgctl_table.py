"""Columns, widths and bars."""

import pytest

from cgctl.table import bar, fit, pad, table, width


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("film", 4),
        ("电影", 4),
        ("é", 1),
        ("e\u0301", 1),
        ("ｆ", 2),
        ("🎬", 2),
        ("한", 2),
        ("\x1b[1m电\x1b[0m", 2),
    ],
)
def test_width_is_counted_in_cells(text: str, cells: int) -> None:
    assert width(text) == cells


def test_columns_line_up_whatever_the_script() -> None:
    lines = list(table(("NAME", "SIZE"), [["电影", "3"], ["series", "12"]], right=(1,)))

    assert lines == ["NAME    SIZE", "电影       3", "series    12"]


def test_the_flexible_column_is_cut_to_the_terminal() -> None:
    lines = list(table((), [["1", "流浪地球.2019.mkv", "queued"]], flexible=1, cells=24))

    assert [width(line) for line in lines] == [24]
    assert lines[0].endswith("…19.mkv  queued") or "…" in lines[0]


def test_a_name_can_be_told_apart_however_long_the_sentence_beside_it_is() -> None:
    lines = list(table((), [["film 1", "x" * 100], ["film 2" + "y" * 30, "x"]], flexible=0, cells=40))

    assert lines[0].startswith("film 1      ")
    assert lines[1].startswith("film …yyyy")


def test_output_that_is_no_terminal_is_not_cut() -> None:
    assert list(table((), [["x" * 500, "y"]], flexible=0)) == ["x" * 500 + "  y"]


@pytest.mark.parametrize("cells", range(12))
def test_what_is_cut_never_takes_more_than_its_cells(cells: int) -> None:
    assert width(fit("流浪地球a.mkv", cells)) <= cells


def test_padding_leaves_longer_text_alone() -> None:
    assert pad("电影", 3) == "电影"
    assert pad("电影", 6, right=True) == "  电影"


@pytest.mark.parametrize(
    ("done", "total", "drawn"), [(0, 4, "[----]"), (2, 4, "[##--]"), (9, 4, "[####]"), (0, 0, "[####]")]
)
def test_bars_have_their_length(done: int, total: int, drawn: str) -> None:
    assert bar(done, total, 6, unicode=False) == drawn
