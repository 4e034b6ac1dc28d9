"""How configured values are shown to whoever may look."""

import pytest

from cgwire.access import Access
from cloudgather.core.download import Allowance
from cloudgather.core.downloader import DownloaderSpec, Kind
from cloudgather.operations import describe

OPTIONS = {"http-passwd": "SECRET", "bt-tracker": ["http://t/SECRET/announce"], "split": 4}


@pytest.mark.parametrize(
    "value",
    [DownloaderSpec(name="a", kind=Kind.ARIA2, url="http://a", options=OPTIONS), Allowance(options=OPTIONS)],
    ids=["downloader", "group"],
)
def test_options_of_downloads_are_shown_without_passwords_and_keys(value: object) -> None:
    shown = describe.plain({"it": value})

    assert "SECRET" not in repr(shown)
    assert shown["it"]["options"]["split"] == 4


def test_a_group_s_level_is_shown_by_its_name() -> None:
    assert describe.plain({"media": Access.OPERATE}) == {"media": "operate"}
