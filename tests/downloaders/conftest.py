"""What the tests with real downloaders share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from downloaders.program import Program
from downloaders.programs import PROGRAMS
from downloaders.qbittorrent import QBittorrentNox
from downloaders.roots import RELEASES, Roots
from downloaders.seeder import Seeder


@pytest.fixture(scope="session")
def roots() -> Iterator[Roots]:
    with Roots() as made:
        yield made


@pytest.fixture(scope="session")
def program_of(roots: Roots) -> Callable[..., Program]:
    """A new one in a folder, by its name in PROGRAMS or RELEASES, with options; skips where it cannot be had."""

    def made(name: str, folder: Path, **options: Any) -> Program:
        if name in RELEASES:
            return QBittorrentNox(folder, root=roots.root(RELEASES[name]), **options)
        if not PROGRAMS[name].is_there():
            pytest.skip(f"{PROGRAMS[name].program} is not installed; script/bootstrap --test installs it")
        return PROGRAMS[name](folder, **options)

    return made


@pytest.fixture(scope="module")
def seeder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeder]:
    with Seeder(tmp_path_factory.mktemp("seeder")) as running:
        yield running
