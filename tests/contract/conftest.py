"""A store to try the laws of its ports on, and what runs its coroutines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudgather.store.sqlite import SqliteStore
from queueing import Do, running_store


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[SqliteStore, Do]]:
    with running_store(str(tmp_path)) as found:
        yield found


@pytest.fixture
def store(opened: tuple[SqliteStore, Do]) -> SqliteStore:
    return opened[0]


@pytest.fixture
def do(opened: tuple[SqliteStore, Do]) -> Do:
    return opened[1]
