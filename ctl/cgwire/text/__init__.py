"""Sentences and hints for people, made from reason codes and their facts."""

import time
from collections.abc import Mapping
from typing import Any, Final

from cgwire.text.values import Facts, Template, clock, compose, escaped

EN: Final = "en"
ZH_CN: Final = "zh-CN"
LANGUAGES: Final = (EN, ZH_CN)

_DOCTOR: Final = "doctor."
_FLAW: Final = "flaw."
_DEEPEST: Final = 4  # a cause has a cause; beyond this a map is malformed


def chosen(environ: Mapping[str, str]) -> str:
    """The language of the messages by POSIX precedence: the first of LC_ALL, LC_MESSAGES, LANG that is set decides."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return ZH_CN if value.lower().startswith("zh") else EN
    return EN


def sentence(reason: Mapping[str, Any], language: str, *, now: float | None = None, depth: int = 0) -> str:
    """What `reason` (a code and its facts, flat) says; an unknown code is shown with its facts rather than hidden.

    Without a full stop, lower case in English. Facts that are absent leave out the part that needs them.
    """
    code = str(reason.get("code", "?"))
    template = _catalogue(language, code).sentences.get(code)
    if template is None or depth > _DEEPEST:
        facts = ", ".join(f"{key}={escaped(value)}" for key, value in reason.items() if key != "code")
        return f"{code} ({facts})" if facts else code
    return compose(template, _facts(reason, language, now, depth))


def hint(reason: Mapping[str, Any], language: str, *, now: float | None = None) -> str | None:
    """What would help, or None where there is nothing to do; a cause without a hint of its own lends its cause's."""
    code = str(reason.get("code", ""))
    template = _catalogue(language, code).hints.get(code)
    if template is not None:
        return compose(template, _facts(reason, language, now, 0)) or None
    cause = reason.get("cause")
    if isinstance(cause, Mapping) and "code" in cause:
        return hint(cause, language, now=now)
    return None


def knows(code: str, language: str) -> bool:
    """Whether there is a sentence for `code`."""
    return code in _catalogue(language, code).sentences


class Catalogue:
    """One language: templates by code, and the words that facts may be."""

    __slots__ = ("hints", "language", "sentences", "words")

    def __init__(
        self, language: str, sentences: Mapping[str, Template], hints: Mapping[str, Template], words: Mapping[str, str]
    ) -> None:
        self.language = language
        self.sentences = sentences
        self.hints = hints
        self.words = words


def _catalogue(language: str, code: str = "") -> Catalogue:
    """With the templates for `code`; what concerns the doctor, the configuration or downloads is loaded when needed."""
    if language == ZH_CN:
        from cgwire.text import zh_cn

        if code.startswith(_DOCTOR):
            from cgwire.text import doctor_zh_cn

            return Catalogue(ZH_CN, doctor_zh_cn.SENTENCES, doctor_zh_cn.HINTS, zh_cn.WORDS)
        if code.startswith(_FLAW):
            from cgwire.text import config_zh_cn

            return Catalogue(ZH_CN, config_zh_cn.SENTENCES, {}, config_zh_cn.WORDS)
        if code and code not in zh_cn.SENTENCES:
            from cgwire.text import downloads_zh_cn

            return Catalogue(ZH_CN, downloads_zh_cn.SENTENCES, downloads_zh_cn.HINTS, zh_cn.WORDS)
        return Catalogue(ZH_CN, zh_cn.SENTENCES, zh_cn.HINTS, zh_cn.WORDS)
    from cgwire.text import en

    if code.startswith(_DOCTOR):
        from cgwire.text import doctor_en

        return Catalogue(EN, doctor_en.SENTENCES, doctor_en.HINTS, en.WORDS)
    if code.startswith(_FLAW):
        from cgwire.text import config_en

        return Catalogue(EN, config_en.SENTENCES, {}, config_en.WORDS)
    if code and code not in en.SENTENCES:
        from cgwire.text import downloads_en

        return Catalogue(EN, downloads_en.SENTENCES, downloads_en.HINTS, en.WORDS)
    return Catalogue(EN, en.SENTENCES, en.HINTS, en.WORDS)


def _facts(reason: Mapping[str, Any], language: str, now: float | None, depth: int) -> Facts:
    at = time.time() if now is None else now
    words = _catalogue(language, str(reason.get("code", ""))).words

    def show_word(value: Any) -> str:
        return _worded(value, words)

    def show_reason(value: Any) -> str:
        if isinstance(value, Mapping):
            return sentence(value, language, now=at, depth=depth + 1)
        if isinstance(value, str) and knows(value, language):
            return sentence({"code": value}, language, now=at, depth=depth + 1)
        return show_word(value)

    return Facts(
        reason,
        language=language,
        word=show_word,
        reason=show_reason,
        clock=lambda value: clock(value, now=at, language=language),
    )


def word(value: Any, language: str) -> str:
    """A fact that is one of a few fixed words (a step, a strength, a state) in `language`; others as they are."""
    return _worded(value, _catalogue(language).words)


def _worded(value: Any, words: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        value = "yes" if value else "no"
    return words.get(str(value), escaped(value)) if isinstance(value, str) else escaped(value)
