"""Which of a downloader's files the numbers of a choice mean."""

from collections.abc import Sequence

import pytest

from cloudgather.core.downloader import ItemFile
from cloudgather.pipeline.matching import chosen

FILES = [ItemFile(index=index, path=b"%d.mkv" % index, size=1, done=0, wanted=True) for index in (9, 3, 5)]


@pytest.mark.parametrize(
    ("wanted", "indexes"), [([1], {3}), ([3, 1], {3, 9}), ([], None), ([0], None), ([1, 0], None), ([4], None)]
)
def test_numbers_begin_with_1_in_the_order_of_the_downloader_and_must_all_be_there(
    wanted: Sequence[int], indexes: set[int] | None
) -> None:
    assert chosen(FILES, wanted) == indexes
