"""This program itself: who it runs as, and whether a library it leans on is there in its fast form."""

import os

import msgpack

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.doctor.checks import Check, bad, fine
from cloudgather.rights import group_name, user

_COMPILED = "msgpack._cmsgpack"


def examine_msgpack() -> Check:
    """`msgpack`. Without its C part unpacking takes time that grows with the square of what came."""
    version = ".".join(map(str, msgpack.version))
    if msgpack.Unpacker.__module__ != _COMPILED:
        return bad("msgpack", because(Code.DOCTOR_MSGPACK_SLOW, version=version))
    return fine("msgpack", because(Code.DOCTOR_MSGPACK, version=version))


def examine_user() -> Check:
    """`user`: whose rights all of this was judged by."""
    groups = sorted(group_name(gid) for gid in {os.getegid(), *os.getgroups()})
    reason = because(Code.DOCTOR_USER, user=user(), uid=os.geteuid(), groups=groups, umask=_umask())
    return fine("user", reason)


def _umask() -> int | None:
    try:
        with open("/proc/self/status", "rb") as file:
            for line in file:
                if line.startswith(b"Umask:"):
                    return int(line.split()[1], 8)
    except OSError:
        pass
    return None
