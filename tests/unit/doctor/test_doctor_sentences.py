"""Every finding has its sentence in both languages, and what is not fine a remedy."""

import re

import pytest

from cgwire.codes import Code
from cgwire.text import EN, LANGUAGES, ZH_CN, doctor_en, doctor_zh_cn, hint, knows, sentence

CODES = sorted(code.value for code in Code if code.startswith("doctor."))
FACTS = re.compile(r"{(\w+)[:}]")


def facts_in(template: object) -> set[str]:
    return set(FACTS.findall(repr(template)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_a_finding_can_be_told(code: str, language: str) -> None:
    assert knows(code, language)
    assert sentence({"code": code}, language)


def test_both_languages_have_the_same_sentences_and_hints() -> None:
    assert sorted(doctor_en.SENTENCES) == sorted(doctor_zh_cn.SENTENCES) == CODES
    assert set(doctor_en.HINTS) == set(doctor_zh_cn.HINTS) <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_both_languages_tell_the_same_facts(code: str) -> None:
    assert facts_in(doctor_en.SENTENCES[code]) == facts_in(doctor_zh_cn.SENTENCES[code])
    assert facts_in(doctor_en.HINTS.get(code)) == facts_in(doctor_zh_cn.HINTS.get(code))


def test_a_sysctl_is_told_with_its_file() -> None:
    finding = {"code": "doctor.watch-limit", "directories": 9000, "limit": 8192, "wanted": 1048576}

    assert sentence(finding, EN) == "9000 folders to watch, and the kernel allows 8192"
    assert sentence(finding, ZH_CN) == "需监视 9000 个文件夹，而内核只允许 8192 个"
    for language in LANGUAGES:
        advice = hint(finding, language) or ""
        assert "sysctl fs.inotify.max_user_watches=1048576" in advice
        assert "fs.inotify.max_user_watches = 1048576" in advice
        assert "/etc/sysctl.d/60-cloudgather.conf" in advice
