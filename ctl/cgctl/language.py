"""Which language the user reads, and the client's own phrases in it."""

from collections.abc import Mapping

from cgwire.text import EN, ZH_CN


def chosen(environ: Mapping[str, str]) -> str:
    """The language of the messages by POSIX precedence: the first of LC_ALL, LC_MESSAGES, LANG that is set decides."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return ZH_CN if value.lower().startswith("zh") else EN
    return EN


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
