"""What a downloader lists is found by folder and torrent as it is now."""

import os
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cloudgather.core.downloader import Item, Phase
from cloudgather.core.items import Items
from cloudgather.core.mounts import is_below

FOLDERS, HASHES = (b"/a", b"/a/b", b"/a/b/c", b"/ab", b"/c/"), ("1" * 40, "2" * 40, "2" * 40 + "3" * 24)
folders = st.sampled_from(FOLDERS)
items = st.builds(
    lambda id, final, current, others, top, infohashes: Item(
        id=id, name="x", phase=Phase.DOWNLOADING, final=final, current=current, others=others, top=top,
        infohashes=infohashes,
    ),
    st.sampled_from("xyz"), folders, folders, st.tuples(folders) | st.just(()), st.sampled_from([None, b"b", b"x"]),
    st.frozensets(st.sampled_from(HASHES)),
)  # fmt: skip


def ids(found: list[Item]) -> set[str]:
    assert len({item.id for item in found}) == len(found)
    return {item.id for item in found}


@given(st.lists(items | st.sampled_from("xyz"), max_size=20))
def test_whatever_comes_changes_and_goes_is_found_as_looking_through_all_would(steps: list[Any]) -> None:
    found, plain = Items(), dict[str, Item]()

    for step in steps:
        if isinstance(step, Item):
            found.put(step)
            plain[step.id] = step
        else:
            assert found.drop(step) == plain.pop(step, None)

    assert dict(found) == plain
    for folder in FOLDERS:
        assert ids(found.in_folder(folder)) == {id for id, item in plain.items() if folder in item.folders}
        places = {id: [os.path.join(each, item.top or b"") for each in item.folders] for id, item in plain.items()}
        below = {id for id, of_it in places.items() if any(is_below(each, folder.rstrip(b"/")) for each in of_it)}
        assert ids(found.below(folder.rstrip(b"/"))) == below
    for infohash in HASHES[:2]:
        wanted = {id for id, item in plain.items() if any(each[:40] == infohash for each in item.infohashes)}
        assert ids(found.of_torrent(infohash)) == wanted
