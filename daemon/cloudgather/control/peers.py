"""Who is at the other end of a connection, and how much of the daemon that gives them."""

import ctypes
import errno
import grp
import logging
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cgwire.access import Access
from cloudgather.control.users import Users
from cloudgather.core.caller import Caller

logger = logging.getLogger(__name__)

ADMIN_GROUP: Final = "cloudgather"
OVERFLOW_ID: Final = 65534  # nobody: also every id that a user namespace does not map, so it stands for no one

_SO_PEERGROUPS: Final = 59  # asm-generic/socket.h; since Linux 4.13
_GID: Final = struct.calcsize("I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the kernel says of a peer: its ids when it connected."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int]  # gid and the supplementary groups


def credentials(connection: socket.socket) -> Credentials:
    """Of the peer of a connected Unix socket."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, gid = struct.unpack("iII", packed)
    return Credentials(pid=pid, uid=uid, gid=gid, groups=frozenset({gid, *_groups(connection)}))


def _groups(connection: socket.socket) -> tuple[int, ...]:
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 1024)
    except OSError as error:
        match error.errno:
            case errno.ENOPROTOOPT:
                return ()
            case errno.ERANGE:
                packed = _long_groups(connection)
            case _:
                raise
    return struct.unpack(f"{len(packed) // _GID}I", packed)


def _long_groups(connection: socket.socket) -> bytes:
    # Python's getsockopt takes at most 1024 bytes, 256 groups; the kernel has up to 65536.
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(65536 * _GID)
    length = ctypes.c_uint32(len(buffer))
    if libc.getsockopt(connection.fileno(), socket.SOL_SOCKET, _SO_PEERGROUPS, buffer, ctypes.byref(length)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return buffer.raw[: length.value]


class Peers:
    """Turns credentials into a Caller. root, the daemon's own user and the group `cloudgather` are admin.

    Other groups get what they were granted, the highest of all that a caller is in; id 65534 gets nothing.
    """

    def __init__(
        self,
        granted: Mapping[int, Access],
        names: Mapping[int, str] | None = None,
        *,
        users: Users | None = None,
    ) -> None:
        """`granted`: gid -> access; `names`: gid -> group name, for refusals; `users`: whom to ask for a user's."""
        self._granted = {gid: access for gid, access in granted.items() if gid != OVERFLOW_ID}
        self._names = dict(names or {})
        self._users = users or Users()

    @classmethod
    def of_groups(cls, grants: Mapping[str, Access]) -> "Peers":
        """From `[groups.NAME]`. Groups are looked up now; one that the system does not know grants nothing."""
        granted: dict[int, Access] = {}
        names: dict[int, str] = {}
        for name, access in {**grants, ADMIN_GROUP: Access.ADMIN}.items():
            try:
                gid = grp.getgrnam(name).gr_gid
            except KeyError:
                if name in grants:
                    logger.warning("[groups.%s] grants nothing: there is no such group", name)
                continue
            granted[gid] = max(access, granted.get(gid, Access.NONE))
            names[gid] = name
        return cls(granted, names)

    def access(self, peer: Credentials) -> Access:
        """What the peer may do."""
        if peer.uid == OVERFLOW_ID:
            return Access.NONE
        if peer.uid in (0, os.geteuid()):
            return Access.ADMIN
        return max((self._granted.get(gid, Access.NONE) for gid in peer.groups), default=Access.NONE)

    def group_for(self, needed: Access) -> str:
        """The group to join for `needed`: the one that grants the least that suffices."""
        fitting = [(access, self._names[gid]) for gid, access in self._granted.items() if access >= needed]
        return min(fitting, default=(Access.ADMIN, ADMIN_GROUP))[1]

    async def caller(self, peer: Credentials) -> Caller:
        """The peer with its name and its access as granted now."""
        return Caller(
            uid=peer.uid,
            gid=peer.gid,
            pid=peer.pid,
            user=await self._users.name(peer.uid),
            groups=peer.groups,
            access=self.access(peer),
        )
