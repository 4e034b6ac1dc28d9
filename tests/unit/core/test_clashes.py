"""Which names are one name at a target."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgather.core.clashes import Names, Rival, Verdict, folded, judge
from cloudgather.core.transfer import Version

NFC, NFD = "caf\u00e9.mkv".encode(), "cafe\u0301.mkv".encode()
BOTH = Names(overlooks_case=True, overlooks_form=True)


@pytest.mark.parametrize(
    ("facts", "one", "other", "same"),
    [
        (None, b"a", b"a", True),
        (None, b"a", b"A", False),
        ({"case_sensitive": True, "unicode_form": "keeps"}, b"a", b"A", False),
        ({"case_sensitive": None, "unicode_form": None}, NFC, NFD, False),
        ({"case_sensitive": False}, b"Films/A.mkv", b"films/a.MKV", True),
        ({"case_sensitive": False}, b"a", b"b", False),
        ({"case_sensitive": False}, "ÄB".encode(), "äb".encode(), True),
        ({"case_sensitive": False}, NFC, NFD, False),
        ({"unicode_form": "nfc"}, NFC, NFD, True),
        ({"unicode_form": "nfd"}, NFC, NFD, True),
        ({"unicode_form": "keeps"}, NFC, NFD, False),
        ({"unicode_form": "nfc"}, NFC, NFD.upper(), False),
        ({"case_sensitive": False, "unicode_form": "nfc"}, NFC, "CAFE\u0301.MKV".encode(), True),
        ({"case_sensitive": False}, b"\xff\xfeA", b"\xff\xfea", True),
        ({"case_sensitive": False}, b"\xff", b"\xfe", False),
    ],
)
def test_as_the_test_of_the_target_found_out(
    facts: dict[str, object] | None, one: bytes, other: bytes, same: bool
) -> None:
    assert Names.of(facts).same(one, other) is same
    assert Names.of(facts).same(other, one) is same


@given(st.text(), st.text())
def test_names_that_are_one_anywhere_fold_to_one(one: str, other: str) -> None:
    first, second = (text.encode("utf-8", "surrogatepass") for text in (one, other))

    if BOTH.same(first, second):
        assert folded(first) == folded(second)
    for variant in (one.upper(), one.lower(), one.swapcase()):
        if variant.casefold() == one.casefold():
            assert folded(variant.encode("utf-8", "surrogatepass")) == folded(first)


@given(st.binary(max_size=40))
def test_any_name_folds_and_folds_once(path: bytes) -> None:
    assert BOTH.same(path, path)
    assert folded(folded(path)) == folded(path)


@pytest.mark.parametrize(
    ("file", "size", "sent", "verdict"),
    [
        (b"/other/a", 7, True, Verdict.CLASH),
        (b"/other/a", 7, False, Verdict.CLASH),
        (b"/src/a", 7, False, Verdict.WAIT),
        (b"/src/a", 7, True, Verdict.SENT),
        (b"/src/a", 8, True, Verdict.NOTHING),
    ],
)
def test_what_has_the_place_keeps_it_unless_it_is_the_very_same_file(
    file: bytes, size: int, sent: bool, verdict: Verdict
) -> None:
    rival = Rival(task="t", path=b"a", file=file, size=size, mtime_ns=1, sent=sent)

    assert judge(b"/src/a", Version(size=7, mtime_ns=1, device=1, inode=1), rival) is verdict
