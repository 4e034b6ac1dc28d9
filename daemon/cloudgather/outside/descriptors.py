"""How many descriptors this process may have."""

import resource
from typing import Final

# As much as units/cloudgather.service gives.
_ENOUGH: Final = 65536


def descriptor_limit() -> int:
    """What the process may have, after the soft limit was raised as far as the hard one and we have use for.

    Shells and containers often give 1024, which is less than a crowd of clients takes.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _ENOUGH if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
