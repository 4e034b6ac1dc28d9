"""Text in columns on a terminal, where a Chinese character takes two cells and an accent none."""

from collections.abc import Iterable, Iterator, Sequence

from click import unstyle

from cgwire.text import values


def width(text: str) -> int:
    """Terminal cells; colours take none."""
    return values.width(unstyle(text) if "\x1b" in text else text)


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """`text` filled with spaces to `cells`; longer text stays as it is."""
    fill = " " * (cells - width(text))
    return fill + text if right else text + fill


def fit(text: str, cells: int, *, dots: str = "…") -> str:
    """`text` in at most `cells`, the middle left out: of a file name both the title and the end tell something."""
    if width(text) <= cells:
        return text
    room = cells - len(dots)
    if room < 2:
        return _head(text, max(0, cells))
    head = _head(text, (room + 1) // 2)
    return head + dots + _head(text[::-1], room - width(head))[::-1]


def _head(text: str, cells: int) -> str:
    taken = 0
    for index, char in enumerate(text):
        taken += values.width(char)
        if taken > cells:
            return text[:index]
    return text


def least(cells: int) -> int:
    """What is left of a name at the least on a terminal of this width, however long what stands beside it is."""
    return max(8, cells // 4)


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Iterable[int] = (),
    flexible: int = -1,
    cells: int | None = None,
    indent: int = 0,
    dots: str = "…",
) -> Iterator[str]:
    """Lines of a table, two spaces between columns; `right` are the columns of figures.

    Where `cells` (the terminal's width) is given and the table is wider, the column `flexible` is cut to fit, but not
    to less than a quarter of it: of a name something must be left, and a sentence may go on in the next line.
    """
    body = [list(row) for row in rows]
    lines = [list(headings), *body] if headings else body
    if not lines:
        return
    widths = [max(width(line[column]) for line in lines) for column in range(len(lines[0]))]
    flexible %= len(widths)
    if cells is not None:
        over = indent + sum(widths) + 2 * (len(widths) - 1) - cells
        if over > 0:
            widths[flexible] = max(min(widths[flexible], least(cells)), widths[flexible] - over)
    figures = set(right)
    for line in lines:
        line[flexible] = fit(line[flexible], widths[flexible], dots=dots)
        shown = (pad(text, widths[column], right=column in figures) for column, text in enumerate(line))
        yield (" " * indent + "  ".join(shown)).rstrip()


def bar(done: float, total: float, cells: int, *, unicode: bool = True) -> str:
    """A progress bar of exactly `cells`; an empty total counts as done."""
    share = 1.0 if total <= 0 else min(1.0, max(0.0, done / total))
    if not unicode:
        full = int(share * (cells - 2))
        return "[" + "#" * full + "-" * (cells - 2 - full) + "]"
    full = int(share * cells)
    return "█" * full + "░" * (cells - full)
