"""Chinese help: lines end between characters, and none begins with what closes a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgwire.text.help import ChineseHelp, metavars, wrapped
from cgwire.text.values import width

CLOSING = "，。、；：？！）》”…"
WORDS = st.text(alphabet="文件上传目标网盘，。；（）“”ab-", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("一二三四五六", ["一二三四", "五六"]),
        ("一二三四，五", ["一二三", "四，五"]),
        ("一二三（四）", ["一二三", "（四）"]),
        ("一 cgctl 二", ["一 cgctl", "二"]),
        ("一二三 cgctl", ["一二三", "cgctl"]),
        ('一 "H 3 *"、二', ["一", '"H 3 *"、', "二"]),
        ("一二  [默认：3]", ["一二", "[默认：3]"]),
        ("", [""]),
    ],
)
def test_lines_end_between_characters(text: str, lines: list[str]) -> None:
    assert list(wrapped(text, 9)) == lines


def test_lines_begin_with_what_is_asked_for() -> None:
    assert list(wrapped("一二三四", 8, first="-- ", further="   ")) == ["-- 一二", "   三四"]


@given(st.lists(WORDS).map(" ".join), st.integers(60, 100))
def test_nothing_is_lost_and_no_line_is_too_wide(text: str, cells: int) -> None:
    lines = list(wrapped(text, cells))

    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width(line) <= cells for line in lines)


@given(
    st.lists(st.text(alphabet="文件上传目标，。", min_size=2, max_size=20).filter(lambda word: word[0] not in CLOSING))
)
def test_no_line_begins_with_what_closes_a_sentence(words: list[str]) -> None:
    lines = list(wrapped(" ".join(words), 60))

    assert [line for line in lines if line[:1] and line[0] in CLOSING] == []


def test_only_whole_words_stand_for_values() -> None:
    assert metavars("[OPTIONS] ID NUMBERS") == "[选项] 编号 文件编号"
    assert metavars("--map OLD=NEW, --IDENT HH:MM") == "--map 原路径=新路径, --IDENT HH:MM"


def test_what_is_not_translated_stays_english_and_is_wrapped() -> None:
    page = ChineseHelp(width=30)

    page.write_text("Something that nobody has translated yet.\n\n\b\nExamples:\n  cgctl status    so it goes")
    page.write_dl([("--new", "Not translated.  [default: 3; x>=1]")])

    assert page.getvalue() == (
        "Something that nobody has\ntranslated yet.\n\n示例：\n  cgctl status    so it goes\n"
        "--new  Not translated.\n       [默认：3；x>=1]\n"
    )
