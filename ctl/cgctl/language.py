"""Which language the user reads, and the client's own phrases in it."""

from collections.abc import Sequence
from itertools import zip_longest

from cgwire.text import LANGUAGES, ZH_CN


def wanted(arguments: Sequence[str]) -> str | None:
    """What --lang names, wherever it stands: help and wrong usage end a call before the last option is looked at."""
    found = None
    for option, following in zip_longest(arguments, arguments[1:]):
        if option == "--":
            break
        if option == "--lang":
            found = following
        elif option.startswith("--lang="):
            found = option.removeprefix("--lang=")
    return found if found in LANGUAGES else None


def later(text: str) -> str:
    """Marks a phrase that is said somewhere else, so that its translation is not forgotten."""
    return text


def phrase(text: str, language: str, **values: object) -> str:
    """`text` (English, with {names}) in `language`; a phrase that is not translated stays English."""
    if language == ZH_CN:
        text = _in_chinese(text)
    return text.format(**values) if values else text


def _in_chinese(text: str) -> str:
    from cgctl.phrases_zh_cn import PHRASES

    if text in PHRASES:
        return PHRASES[text]
    from cgctl.phrases_downloads_zh_cn import PHRASES as OF_DOWNLOADS

    if text in OF_DOWNLOADS:
        return OF_DOWNLOADS[text]
    from cgctl.original.phrases_zh_cn import PHRASES as OF_IMPORT
    from cgctl.setup.phrases_zh_cn import PHRASES as OF_SETUP

    return OF_SETUP.get(text) or OF_IMPORT.get(text, text)
