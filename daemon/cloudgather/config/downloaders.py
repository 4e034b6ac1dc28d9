"""Downloaders: the tables of [downloaders.NAME]."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Final

from cgwire.flaws import Flaw
from cgwire.reasons import Reason, because
from cloudgather.config.names import folded, name_fault
from cloudgather.config.problems import Wrong
from cloudgather.config.reading import Table
from cloudgather.config.secrets import secret_file
from cloudgather.config.values import choice, folder, kind_of, text, web_address
from cloudgather.core.downloader import DownloaderSpec, Kind
from cloudgather.core.options import BadOption, checked
from cloudgather.core.unfit import Unfit

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
_URL: Final = because(Flaw.INSTEAD, near='url = "http://127.0.0.1:8080"')
_HINTS: Final[Mapping[str, Reason]] = {
    "password": because(Flaw.SECRET_IN_FILE, near="password_file"),
    "secret": because(Flaw.SECRET_IN_FILE, near="secret_file"),
    "api_key": because(Flaw.SECRET_IN_FILE, near="api_key_file"),
    "user": because(Flaw.INSTEAD, near="username"),
    "address": _URL,
    "host": _URL,
    "port": _URL,
}


def read_downloaders(table: Table, *, file: str, environ: Mapping[str, str]) -> Mapping[str, DownloaderSpec]:
    """The downloaders of the main file `file` by name, in its order; those with too much wrong are left out."""
    found: dict[str, DownloaderSpec] = {}
    names: list[str] = []
    for name, each in table.tables():
        spec = _read_downloader(name, each, secret_file(file, environ))
        for other_name in names:
            if folded(other_name) == folded(name):
                each.wrong("", because(Flaw.ALIKE, other=other_name), code=Wrong.NAME)
        names.append(name)
        for other in found.values():
            if spec is not None and other.url == spec.url:
                each.wrong("url", because(Flaw.URL_TAKEN, other=other.name), code=Wrong.CONFLICT)
        if spec is not None:
            found[name] = spec
    return found


def _read_downloader(name: str, table: Table, secret: Callable[[object], bytes]) -> DownloaderSpec | None:
    if (fault := name_fault(name)) is not None:
        table.wrong("", because(Flaw.NAME, cause=fault.to_wire()), code=Wrong.NAME)
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
                table.wrong(key, because(Flaw.ON_REQUEST), code=Wrong.CONFLICT)
            else:
                table.wrong(key, because(Flaw.NOT_OF_KIND, kind=str(kind)), code=Wrong.CONFLICT)
    try:
        checked(kind, spec.options if kind in _OF_KIND["options"] else {})
    except BadOption as bad:
        table.wrong("options", bad.reason)
    if spec.api_key_file is not None and (spec.username is not None or spec.password_file is not None):
        table.wrong("api_key_file", because(Flaw.API_KEY), code=Wrong.CONFLICT)
    if spec.password_file is not None and spec.username is None and kind in _OF_KIND["username"]:
        table.lacks_beside("username", "password_file")
    if find_spec("aiohttp") is None:
        table.wrong("kind", because(Flaw.CLIENT))


def _address(value: object) -> str:
    """http://HOST:PORT or https://…, without a slash at its end."""
    given = text(value).strip()
    return web_address(given, wrong=Flaw.ADDRESS, user_key="username", password_key="password_file").rstrip("/")


def _path_map(value: object) -> tuple[tuple[bytes, bytes], ...]:
    if not isinstance(value, dict):
        raise Unfit(Flaw.NOT_PATH_MAP, found=kind_of(value))
    return tuple((folder(there), folder(here)) for there, here in value.items())


def _folders(value: object) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        raise Unfit(Flaw.NOT_FOLDERS, found=kind_of(value))
    return tuple(folder(each) for each in value)


def _options(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unfit(Flaw.NOT_OPTIONS, found=kind_of(value))
    return dict(value)
