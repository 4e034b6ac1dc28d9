"""Sentences for every code, in both languages, and how values are shown in them."""

import re
import shlex
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.flaws import Flaw
from cgwire.text import (
    EN,
    LANGUAGES,
    ZH_CN,
    config_en,
    config_zh_cn,
    doctor_en,
    doctor_zh_cn,
    downloads_en,
    downloads_zh_cn,
    en,
    hint,
    sentence,
    word,
    zh_cn,
)
from cgwire.text.values import clock, escaped, size, span

SENTENCES = {**en.SENTENCES, **doctor_en.SENTENCES, **downloads_en.SENTENCES, **config_en.SENTENCES}
ZH_SENTENCES = {
    **zh_cn.SENTENCES,
    **doctor_zh_cn.SENTENCES,
    **downloads_zh_cn.SENTENCES,
    **config_zh_cn.SENTENCES,
}
HINTS = {**en.HINTS, **doctor_en.HINTS, **downloads_en.HINTS}
ZH_HINTS = {**zh_cn.HINTS, **doctor_zh_cn.HINTS, **downloads_zh_cn.HINTS}
CODES = [*Code, *Flaw]
NOW = 1_790_000_000.0


def facts_of(template: Any) -> set[str]:
    """The facts that a template shows."""
    text = (
        template
        if isinstance(template, str)
        else "".join(part if isinstance(part, str) else "".join(part) for part in template)
    )
    return {name.partition(":")[0] for name in re.findall(r"\{([^}]*)\}", text)}


@pytest.mark.parametrize("sentences", [SENTENCES, ZH_SENTENCES], ids=LANGUAGES)
def test_every_code_has_a_sentence_and_no_sentence_lacks_its_code(sentences: Any) -> None:
    assert set(sentences) == {str(code) for code in CODES}


@pytest.mark.parametrize("catalogue", [en, zh_cn, doctor_en, doctor_zh_cn, downloads_en, downloads_zh_cn])
def test_a_hint_stands_with_the_sentence_of_its_code(catalogue: Any) -> None:
    assert set(catalogue.HINTS) <= set(catalogue.SENTENCES)


def test_both_languages_give_the_same_hints() -> None:
    assert set(HINTS) == set(ZH_HINTS)
    assert set(HINTS) <= {str(code) for code in Code}


@pytest.mark.parametrize("code", CODES)
def test_both_languages_show_the_same_facts(code: str) -> None:
    assert facts_of(SENTENCES[code]) == facts_of(ZH_SENTENCES[code])
    assert facts_of(HINTS.get(code, "")) == facts_of(ZH_HINTS.get(code, ""))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_a_sentence_survives_the_lack_of_every_fact_and_facts_of_any_type(code: str, language: str) -> None:
    odd: list[Any] = [b"\xff\n", "x", -1, 2.5, float("nan"), 1e300, [], [[1]], {"code": "fail.io"}, True]

    assert sentence({"code": code}, language)
    for value in odd:
        reason = dict.fromkeys(facts_of(SENTENCES[code]), value)
        shown = sentence({**reason, "code": code}, language, now=NOW) + (hint({**reason, "code": code}, language) or "")
        assert "\n" not in shown


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_brackets_close(code: str, language: str) -> None:
    facts = facts_of(SENTENCES[code])

    for known in ([], facts, *([name] for name in facts)):
        text = sentence({**dict.fromkeys(known, 1), "code": code}, language, now=NOW)
        for opening, closing in ("()", "（）"):
            assert text.count(opening) == text.count(closing), text


@pytest.mark.parametrize(
    ("reason", "english", "chinese"),
    [
        (
            {"code": "wait.quiet", "since": 12, "left": 18, "needed": 30},
            "quiet: not yet, last written 12 s ago, 18 s to go",
            "静默：还不够久，12 秒前还有写入，还需 18 秒",
        ),
        (
            {"code": "wait.writer", "writers": [[4711, "qbittorrent-nox"], [12, ""]]},
            "writer: still open for writing by pid 4711 (qbittorrent-nox), pid 12",
            "写入者：文件仍被打开写入（pid 4711 (qbittorrent-nox)、pid 12）",
        ),
        ({"code": "wait.writer", "writers": []}, "writer: still open for writing", "写入者：文件仍被打开写入"),
        ({"code": "held.turn", "ahead": 1}, "waiting for its turn, 1 transfer ahead of it", "排队中，前面还有 1 个"),
        (
            {
                "code": "held.retry",
                "attempt": 2,
                "attempts": 8,
                "cause": {"code": "fail.io", "step": "write", "errno": 5},
            },
            "will be tried again (2 of 8 attempts spent), after: input/output error at step write (EIO)",
            "将重试（已尝试 2/8 次），上次原因：读写错误，步骤：写入（EIO）",
        ),
        (
            {"code": "skip.filter.small", "size": 3 * 2**20, "min_size": 50 * 2**20},
            "too small for the task's filter: 3.00 MiB, wanted from 50.0 MiB",
            "小于任务过滤器的要求：3.00 MiB，至少 50.0 MiB",
        ),
        (
            {"code": "met.writer-unknown", "cause": "file-system"},
            "writer: cannot be known here (this file system does not tell), so it must be quiet for longer",
            "写入者：在这里无法得知（此文件系统不提供），因此需要静默更久",
        ),
        (
            {"code": "fail.full", "step": "write", "message": "Disk quota exceeded"},
            "the target is full, or its quota is used up (step write): Disk quota exceeded",
            "目标空间已满或配额用完（步骤：写入）：Disk quota exceeded",
        ),
        (
            {"code": "fail.read-only", "step": "open"},
            "the target is read-only (step open)",
            "目标是只读的（步骤：打开）",
        ),
        (
            {"code": "fail.denied", "step": "open", "message": "Permission denied"},
            "the target refuses it: permission denied (step open): Permission denied",
            "目标拒绝：没有权限（步骤：打开）：Permission denied",
        ),
        (
            {"code": "fail.mount", "step": "fsync"},
            "the mount went away at step fsync",
            "挂载消失了，步骤：落盘",
        ),
        (
            {"code": "fail.name", "step": "rename", "message": "File name too long"},
            "the target cannot take this name (step rename): File name too long",
            "目标不接受这个文件名（步骤：改名）：File name too long",
        ),
        (
            {"code": "fail.timeout", "step": "close", "seconds": 600},
            "the target did not answer in time at step close (10 min)",
            "目标没有及时响应，步骤：关闭（10 分钟）",
        ),
        (
            {"code": "fail.length", "expected": 2048, "found": 1024},
            "the target stored another length: expected 2.00 KiB, found 1.00 KiB",
            "目标保存的长度不对：应为 2.00 KiB，实为 1.00 KiB",
        ),
        ({"code": "brand.new", "x": b"\xff"}, "brand.new (x=\\xff)", "brand.new (x=\\xff)"),
    ],
)
def test_facts_are_told_as_people_say_them(reason: dict[str, Any], english: str, chinese: str) -> None:
    assert sentence(reason, EN, now=NOW) == english
    assert sentence(reason, ZH_CN, now=NOW) == chinese


def test_a_hint_is_borrowed_from_the_cause() -> None:
    assert hint({"code": "held.source", "cause": {"code": "source.gone", "source": b"/d"}}, EN) == hint(
        {"code": "source.gone"}, EN
    )
    assert hint({"code": "met.name"}, EN) is None


def test_causes_without_end_are_cut() -> None:
    reason: dict[str, Any] = {"code": "held.source"}
    reason["cause"] = reason

    assert sentence(reason, EN).count("the source folder cannot be used now") == 5


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (2**20 - 1, "1.00 MiB"), (12.34 * 2**20, "12.3 MiB"),
     (700 * 2**30, "700 GiB"), (2**70, "1024 EiB")],
)  # fmt: skip
def test_sizes(count: float, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (0.4, "0.4 s"), (9.96, "10 s"), (59.6, "1 min"), (200, "3 min 20 s"), (3599.9, "1 h"),
     (7265, "2 h 1 min"), (90000, "1 d 1 h"), (-5, "0 s")],
)  # fmt: skip
def test_spans(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_minutes_alone_are_no_points_in_chinese() -> None:
    assert [span(seconds, ZH_CN) for seconds in (600, 605, 3900)] == ["10 分钟", "10 分 5 秒", "1 小时 5 分钟"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("电影", "电影"), ("/CloudDrive/115", "/CloudDrive/115"), ("my films", "'my films'"), ("it's", "'it'\\''s'"),
     ("a;b", "'a;b'"), ("$(x)", "'$(x)'")],
)  # fmt: skip
def test_a_name_in_a_command_is_quoted_only_where_the_shell_needs_it(name: str, shown: str) -> None:
    assert hint({"code": "held.task-paused", "task": name}, EN) == f"cgctl task resume {shown}"
    assert shlex.split(shown) == [name]


def test_the_day_is_named_only_where_it_is_another() -> None:
    assert re.fullmatch(r"\d\d:\d\d:\d\d", clock(NOW, now=NOW))
    assert re.fullmatch(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d( tomorrow)?", clock(NOW + 86400, now=NOW))
    assert clock(NOW + 86400, now=NOW).endswith(" tomorrow")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", clock(NOW + 10 * 86400, now=NOW))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("电影".encode(), "电影"),
        (b"a\xff", "a\\xff"),
        ("a\udcff", "a\\xff"),
        (b"a\nb\tc\x1b[1m", "a\\nb\\tc\\x1b[1m"),
        ("\u202ecod.exe", "\\u202ecod.exe"),
        ("👨\u200d👩", "👨\u200d👩"),
        (17, "17"),
    ],
)
def test_names_cannot_disturb_a_terminal(name: Any, shown: str) -> None:
    assert escaped(name) == shown


@pytest.mark.parametrize(
    "value",
    ["queued", "copying", "publishing", "written", "done", "failed", "cancelled", "vanished", "ok", "held", "idle",
     "watch", "schedule", "interval", "manual", "start", "rescan", "upload", "view", "download", "operate", "admin"],
)  # fmt: skip
def test_states_and_triggers_have_a_chinese_word(value: str) -> None:
    assert word(value, ZH_CN) != value
