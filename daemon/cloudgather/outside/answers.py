"""Reading what a downloader has answered: what is not in there as it should be makes it another program's answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from cloudgather.ports.uploads import CannotAsk

_MISREAD: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@contextmanager
def understood(what: str, foreign: Callable[[str], CannotAsk]) -> Iterator[None]:
    """In here answers are taken apart; raises what `foreign` makes of words on `what` could not be."""
    try:
        yield
    except _MISREAD as error:
        raise foreign(f"{what} cannot be understood: {error!r}") from error
