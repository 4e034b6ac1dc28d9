"""The wall clock and the time zone."""

import ctypes
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.doctor.checks import Check, bad, doubtful, fine
from cloudgather.outside.zone import local_zone

_YEARS: Final = range(2025, 2100)
_AHEAD: Final = 300.0  # a file of ours from the future by more than this tells of a clock that was put back
_JUMP: Final = 2.0
# adjtimex(2)
_STA_UNSYNC: Final = 0x40
_TIME_ERROR: Final = 5


def offset() -> float:
    """What the wall clock is ahead of the clock that never jumps."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def examine_clock(began: float, files: Sequence[str]) -> Check:
    """`clock`. `began`: offset() at the beginning of the examination; `files`: those that were written last."""
    now = datetime.now(UTC)
    if now.year not in _YEARS:
        return bad("clock", because(Code.DOCTOR_CLOCK_WRONG, now=now.timestamp(), year=now.year))
    if abs(jump := offset() - began) > _JUMP:
        return doubtful("clock", because(Code.DOCTOR_CLOCK_JUMPS, seconds=abs(jump)))
    newest = max((_mtime(file) for file in files), default=0.0)
    if newest > now.timestamp() + _AHEAD:
        return doubtful("clock", because(Code.DOCTOR_CLOCK_BEHIND, seconds=newest - now.timestamp()))
    match synchronised():
        case False:
            return doubtful("clock", because(Code.DOCTOR_CLOCK_ALONE, now=now.timestamp()))
        case True:
            return fine("clock", because(Code.DOCTOR_CLOCK_SYNCHRONISED, now=now.timestamp()))
        case None:
            return fine("clock", because(Code.DOCTOR_CLOCK, now=now.timestamp()))


def examine_zone(configured: str | None) -> Check:
    """`time-zone`: that of schedules and upload windows, where tasks name none."""
    zone = local_zone(configured)
    name = getattr(zone, "key", None)
    if name is None:
        return doubtful("time-zone", because(Code.DOCTOR_ZONE_UNKNOWN))
    system = time.localtime().tm_gmtoff
    ours = datetime.now(zone).utcoffset()
    if configured is None and ours is not None and ours.total_seconds() != system:
        facts = {"zone": name, "shown": time.strftime("%H:%M"), "meant": datetime.now(zone).strftime("%H:%M")}
        return doubtful("time-zone", because(Code.DOCTOR_ZONE_DIFFERS, **facts))
    return fine("time-zone", because(Code.DOCTOR_ZONE, zone=name, shown=datetime.now(zone).strftime("%H:%M")))


def _mtime(file: str) -> float:
    try:
        return os.stat(file).st_mtime
    except OSError:
        return 0.0


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        # The rest is not looked at; it is 208 bytes in all on 64 bits, less on 32.
        ("rest", ctypes.c_char * 256),
    )


def synchronised() -> bool | None:
    """Whether the kernel's clock follows another one (NTP), None where it does not say. Only reads."""
    state = _Timex()  # modes = 0: nothing is set
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    except AttributeError:
        return None
    if answer < 0:
        return None
    return not (state.status & _STA_UNSYNC or answer == _TIME_ERROR)
