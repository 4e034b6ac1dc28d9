"""Downloaders: the tables of [downloaders.NAME]."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Final

from cgwire.text import EN, sentence
from cloudgather.config.names import folded, name_fault
from cloudgather.config.problems import Wrong
from cloudgather.config.reading import Table
from cloudgather.config.secrets import secret_file
from cloudgather.config.values import choice, folder, kind_of, text, web_address
from cloudgather.core.downloader import DownloaderSpec, Kind
from cloudgather.core.options import BadOption, checked

_INSTALL: Final = "run pip install aiohttp in the daemon's environment, or install CloudGather with its extra net"
_EXAMPLES: Final = {
    Kind.QBITTORRENT: "http://127.0.0.1:8080",
    Kind.ARIA2: "http://127.0.0.1:6800/jsonrpc",
    Kind.TRANSMISSION: "http://127.0.0.1:9091/transmission/rpc",
}
# Which kinds have which key.
_OF_KIND: Final[Mapping[str, frozenset[Kind]]] = {
    "username": frozenset({Kind.QBITTORRENT, Kind.TRANSMISSION}),
    "password_file": frozenset({Kind.QBITTORRENT, Kind.TRANSMISSION}),
    "api_key_file": frozenset({Kind.QBITTORRENT}),
    "secret_file": frozenset({Kind.ARIA2}),
    "dir": frozenset({Kind.QBITTORRENT, Kind.ARIA2}),
    "options": frozenset({Kind.QBITTORRENT, Kind.ARIA2}),
}
_HINTS: Final = {
    "password": "does not belong here; write it into a file of its own, and its name as password_file",
    "secret": "does not belong here; write it into a file of its own, and its name as secret_file",
    "api_key": "does not belong here; write it into a file of its own, and its name as api_key_file",
    "user": "is unknown; did you mean username?",
    "address": 'is unknown; did you mean url = "http://127.0.0.1:8080"?',
    "host": 'is unknown; did you mean url = "http://127.0.0.1:8080"?',
    "port": 'is unknown; did you mean url = "http://127.0.0.1:8080"?',
}


def read_downloaders(table: Table, *, file: str, environ: Mapping[str, str]) -> Mapping[str, DownloaderSpec]:
    """The downloaders of the main file `file` by name, in its order; those with too much wrong are left out."""
    found: dict[str, DownloaderSpec] = {}
    names: list[str] = []
    for name, each in table.tables():
        spec = _read_downloader(name, each, secret_file(file, environ))
        for other_name in names:
            if folded(other_name) == folded(name):
                each.wrong("", f'differs from "{other_name}" in case or Unicode form only; rename one', code=Wrong.NAME)
        names.append(name)
        for other in found.values():
            if spec is not None and other.url == spec.url:
                each.wrong("url", f'is that of "{other.name}", too; leave one of them out', code=Wrong.CONFLICT)
        if spec is not None:
            found[name] = spec
    return found


def _read_downloader(name: str, table: Table, secret: Callable[[object], bytes]) -> DownloaderSpec | None:
    if (fault := name_fault(name)) is not None:
        table.wrong("", f"the name {fault}", code=Wrong.NAME)
    kind = table.need("kind", choice(Kind), '"qbittorrent"')
    url = table.need("url", _address, f'"{_EXAMPLES[kind or Kind.QBITTORRENT]}"')
    spec = DownloaderSpec(
        name=name,
        kind=kind or Kind.QBITTORRENT,
        url=url or "",
        username=table.take("username", text, None),
        password_file=table.take("password_file", secret, None),
        api_key_file=table.take("api_key_file", secret, None),
        secret_file=table.take("secret_file", secret, None),
        path_map=table.take("path_map", _path_map, ()),
        dir=table.take("dir", folder, None),
        folders=table.take("folders", _folders, ()),
        options=table.take("options", _options, {}),
    )
    if kind is not None:
        _check_keys(table, kind, spec)
    table.close(_HINTS)
    return None if kind is None or url is None else spec


def _check_keys(table: Table, kind: Kind, spec: DownloaderSpec) -> None:
    for key, kinds in _OF_KIND.items():
        if key in table and kind not in kinds:
            if key in ("dir", "options"):
                table.wrong(
                    key, "is for downloads on request, which transmission is not asked for", code=Wrong.CONFLICT
                )
            else:
                table.wrong(key, f'is not used with kind = "{kind}"; leave it out', code=Wrong.CONFLICT)
    try:
        checked(kind, spec.options if kind in _OF_KIND["options"] else {})
    except BadOption as bad:
        table.wrong("options", sentence(bad.reason.to_wire(), EN))
    if spec.api_key_file is not None and (spec.username is not None or spec.password_file is not None):
        table.wrong("api_key_file", "stands instead of username and password_file; leave them out", code=Wrong.CONFLICT)
    if spec.password_file is not None and spec.username is None and kind in _OF_KIND["username"]:
        table.wrong("username", "is missing beside password_file", code=Wrong.MISSING)
    if find_spec("aiohttp") is None:
        table.wrong("kind", f"needs aiohttp, which is not installed; {_INSTALL}")


def _address(value: object) -> str:
    """http://HOST:PORT or https://…, without a slash at its end."""
    given = text(value).strip()
    wrong = f'"{given}" is not an address; write for example "http://127.0.0.1:8080"'
    return web_address(given, wrong=wrong, instead="username and password_file").rstrip("/")


def _path_map(value: object) -> tuple[tuple[bytes, bytes], ...]:
    if not isinstance(value, dict):
        raise ValueError(f'{kind_of(value)} is not allowed here; write {{ "/downloads" = "/vol1/downloads" }}')
    return tuple((folder(there), folder(here)) for there, here in value.items())


def _folders(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        raise ValueError(f'{kind_of(value)} is not allowed here; write a list: ["/vol1/downloads"]')
    return tuple(folder(each) for each in value)


def _options(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{kind_of(value)} is not allowed here; write a table of options")
    return dict(value)
