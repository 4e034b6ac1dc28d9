"""Who may do what on the control socket: real processes of other users ask."""

import asyncio
import grp
import os
import pwd
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from cgwire.access import Access
from cgwire.codec import REQUEST_LIMIT
from cloudgather.control.peers import OVERFLOW_ID, Credentials, Peers, credentials
from fakes.control import ask_as, connected, serving

UID, GID, VIEWERS, OPERATORS, ADMINS = 12345, 12346, 23456, 23457, 23458
GRANTS = {VIEWERS: Access.VIEW, OPERATORS: Access.OPERATE, ADMINS: Access.ADMIN}

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter; pytest's own are private."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def ask(folder: Path, frames: bytes, *, uid: int = UID, gid: int = GID, groups: tuple[int, ...] = ()) -> list[Any]:
    async def scenario() -> list[Any]:
        async with serving(folder, grants=GRANTS) as served:
            return await ask_as(served.path, uid=uid, gid=gid, groups=groups, frames=frames)

    return asyncio.run(scenario())


def allowed(folder: Path, **who: Any) -> list[str]:
    methods = ["daemon.ping", "queue.list", "queue.pause", "daemon.reload"]
    frames = b"".join(msgpack.packb([0, id, method, []]) for id, method in enumerate(methods))
    answers = ask(folder, frames, **who)
    assert len(answers) == len(methods)
    return [methods[id] for _, id, error, _ in sorted(answers) if error is None]


@needs_root
@pytest.mark.parametrize(
    ("who", "may"),
    [
        ({}, ["daemon.ping"]),
        ({"groups": (7, VIEWERS, 8)}, ["daemon.ping", "queue.list"]),
        ({"gid": VIEWERS}, ["daemon.ping", "queue.list"]),
        ({"groups": (OPERATORS,)}, ["daemon.ping", "queue.list", "queue.pause"]),
        ({"groups": (VIEWERS, OPERATORS)}, ["daemon.ping", "queue.list", "queue.pause"]),
        ({"groups": (ADMINS,)}, ["daemon.ping", "queue.list", "queue.pause", "daemon.reload"]),
        ({"groups": (*range(30000, 30300), VIEWERS)}, ["daemon.ping", "queue.list"]),
        ({"groups": (0,)}, ["daemon.ping"]),
        ({"uid": OVERFLOW_ID, "groups": (ADMINS,)}, ["daemon.ping"]),
        ({"uid": 0, "gid": 0}, ["daemon.ping", "queue.list", "queue.pause", "daemon.reload"]),
    ],
    ids=[
        "nobody's friend",
        "supplementary",
        "primary",
        "operate",
        "highest of two",
        "admin",
        "three hundred groups",
        "root's group",
        "nobody",
        "root",
    ],
)
def test_a_process_may_do_what_its_groups_grant(open_folder: Path, who: dict[str, Any], may: list[str]) -> None:
    assert allowed(open_folder, **who) == may


@needs_root
def test_a_refusal_says_what_is_needed_and_which_group_to_join(open_folder: Path) -> None:
    frames = msgpack.packb([0, 1, "queue.cancel", [{"all": True}]])

    ((_, _, error, _),) = ask(open_folder, frames, groups=(VIEWERS,))

    assert error == {
        "code": "error.denied",
        "needed": "operate",
        "access": "view",
        "user": str(UID),
        "group": f"group-{OPERATORS}",
    }


@needs_root
def test_who_is_no_admin_has_smaller_requests(open_folder: Path) -> None:
    text = "x" * REQUEST_LIMIT
    frames = msgpack.packb([0, 1, "task.write", [{"name": "films", "text": text}]])

    ((_, method, (reason,)),) = ask(open_folder, frames, groups=(OPERATORS,))
    ((_, _, error, _),) = ask(open_folder, frames, groups=(ADMINS,))

    assert (method, reason["message"]) == ("closed", f"a message of more than {REQUEST_LIMIT} bytes")
    assert error is None


@needs_root
def test_an_operation_is_told_who_asks(open_folder: Path) -> None:
    async def scenario() -> None:
        async with serving(open_folder, grants=GRANTS) as served:
            await ask_as(
                served.path, uid=1, gid=GID, groups=(VIEWERS,), frames=msgpack.packb([0, 1, "daemon.status", []])
            )
            ((_, _, caller),) = served.operations.asked

        assert (caller.uid, caller.gid) == (1, GID)
        assert caller.groups == {GID, VIEWERS}
        assert caller.access is Access.VIEW
        assert caller.user == pwd.getpwuid(1).pw_name
        assert caller.pid not in (0, os.getpid())

    asyncio.run(scenario())


class Equal(Peers):
    """Grants everybody the same."""

    def __init__(self, access: Access) -> None:
        super().__init__({})
        self._access = access

    def access(self, peer: Credentials) -> Access:
        return self._access


def test_what_is_granted_anew_holds_for_the_next_call_of_an_open_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as served, connected(served) as client:
            assert (await client.ask("queue.pause")).error is None
            served.handlers.peers = Equal(Access.VIEW)

            refused = await client.refused("queue.pause")

            assert refused["group"] == "cloudgather"
            assert (await client.ask("queue.list")).error is None

    asyncio.run(scenario())


def test_credentials_are_the_kernels() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = credentials(ours)

    assert (peer.pid, peer.uid, peer.gid) == (os.getpid(), os.geteuid(), os.getegid())
    assert peer.groups == {os.getegid(), *os.getgroups()}


def test_the_daemons_own_user_is_admin() -> None:
    peer = Credentials(pid=1, uid=os.geteuid(), gid=GID, groups=frozenset({GID}))

    assert Peers({}).access(peer) is Access.ADMIN


def test_groups_are_granted_by_name_and_unknown_ones_grant_nothing(caplog: pytest.LogCaptureFixture) -> None:
    known = grp.getgrgid(1).gr_name

    peers = Peers.of_groups({known: Access.OPERATE, "no-such-group": Access.VIEW})

    assert peers.access(Credentials(pid=1, uid=UID, gid=GID, groups=frozenset({GID, 1}))) is Access.OPERATE
    assert peers.group_for(Access.VIEW) == known
    assert peers.group_for(Access.ADMIN) == "cloudgather"
    assert [record.message for record in caplog.records] == [
        "[groups.no-such-group] grants nothing: there is no such group"
    ]


def test_the_overflow_group_grants_nothing() -> None:
    peers = Peers({OVERFLOW_ID: Access.ADMIN})

    assert peers.access(Credentials(pid=1, uid=UID, gid=GID, groups=frozenset({GID, OVERFLOW_ID}))) is Access.NONE


def test_a_user_without_a_name_is_its_number() -> None:
    async def scenario() -> str:
        peer = Credentials(pid=1, uid=UID, gid=GID, groups=frozenset({GID}))
        return (await Peers({}).caller(peer)).user

    assert asyncio.run(scenario()) == str(UID)
