"""Task files are composed, and put in place in one step."""

import os
import pathlib
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgather.config.taskfile import compose, remove, write

VALUES = {
    "source": '/vol1/下载 "a"\\b\n',
    "target": "c115:x",
    "watch": True,
    "every": None,
    "rules": ["missing"],
    "priority": 5,
    "filter": {"min_size": "50MiB", "preset": None, "exclude": ["*.txt", 'a"b']},
}


def test_what_is_composed_reads_back() -> None:
    text = compose("电影\nx = 1", VALUES)

    assert tomllib.loads(text) == {
        "source": '/vol1/下载 "a"\\b\n',
        "target": "c115:x",
        "watch": True,
        "rules": ["missing"],
        "priority": 5,
        "filter": {"min_size": "50MiB", "exclude": ["*.txt", 'a"b']},
    }
    assert text.startswith("# 电影 x = 1: a task of CloudGather")
    assert "# where finished downloads are" in text


@pytest.mark.parametrize("values", [{"source": b"/a"}, {"rules": [None]}, {"filter": 5}, {"x": object()}])
def test_what_toml_cannot_hold_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        compose("film", values)


_value = st.text(st.characters(codec="utf-8"), max_size=20) | st.booleans() | st.integers(-9, 9)


@given(st.dictionaries(st.sampled_from(["source", "target", "watch", "every", "x"]), _value))
def test_any_value_survives(values: dict[str, object]) -> None:
    text = compose("name", {**values, "filter": {"include": ["a"]}})

    assert tomllib.loads(text) == {**values, "filter": {"include": ["a"]}}


def test_a_file_is_put_in_place_whole(tmp_path: pathlib.Path) -> None:
    path = write(str(tmp_path), "电影", "one")
    os.chmod(path, 0o640)

    write(str(tmp_path), "电影", "two")

    assert pathlib.Path(path).read_text() == "two"
    assert os.stat(path).st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["电影.toml"]


def test_a_new_file_replaces_nothing(tmp_path: pathlib.Path) -> None:
    write(str(tmp_path), "film", "one", new=True)

    with pytest.raises(FileExistsError):
        write(str(tmp_path), "film", "two", new=True)

    assert (tmp_path / "film.toml").read_text() == "one"
    assert os.listdir(tmp_path) == ["film.toml"]


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: pathlib.Path) -> None:
    (tmp_path / "film.toml").mkdir()

    with pytest.raises(IsADirectoryError):
        write(str(tmp_path), "film", "one")

    assert os.listdir(tmp_path) == ["film.toml"]


def test_a_file_is_taken_away(tmp_path: pathlib.Path) -> None:
    write(str(tmp_path), "film", "one")

    remove(str(tmp_path), "film")

    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        remove(str(tmp_path), "film")
