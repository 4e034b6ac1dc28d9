"""What several tests of the pipeline look at."""

from pipework import Works


def contents(works: Works) -> dict[bytes, bytes]:
    """Everything at the target."""
    return {path: file.content for path, file in works.target.files.items()}


async def arrives(works: Works, path: bytes = b"a.mkv", content: bytes = b"content") -> None:
    """It stands there once and whole, its transfer is done, and nothing is left behind."""
    assert (await works.one(path)).state == "done"
    assert contents(works) == {b"films/" + path: content}
    assert works.target.published == [b"films/" + path]
    assert await works.debris() == []


async def queued(works: Works) -> None:
    """a.mkv is queued and its target not served yet."""
    await works.queue(b"a.mkv")
    assert (await works.one()).state == "queued"


async def done(works: Works) -> set[bytes]:
    """Paths that are done."""
    return {path for path, state in (await works.states()).items() if state == "done"}
