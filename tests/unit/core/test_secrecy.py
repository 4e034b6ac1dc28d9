"""What is hidden where links, options and messages are shown."""

import pytest

from cloudgather.core.secrecy import shown_link, shown_options, without_sign_in

HASH = "a" * 40


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("http://example.org/film.mkv", "http://example.org/film.mkv"),
        ("http://me:secret@example.org/film.mkv", "http://***@example.org/film.mkv"),
        ("ftp://me@example.org/film@home.mkv", "ftp://***@example.org/film@home.mkv"),
        ("https://me:se@cret@[::1]:8080/?a=b@c", "https://***@[::1]:8080/?a=b@c"),
        (f"magnet:?xt=urn:btih:{HASH}", f"magnet:?xt=urn:btih:{HASH}"),
        (
            f"magnet:?xt=urn:btih:{HASH}&dn=a%20b%26c&tr=http%3A%2F%2Ft%2FSECRET%2Fannounce&ws=http://me:secret@x/",
            f"magnet:?xt=urn:btih:{HASH}&dn=a%20b%26c",
        ),
        (f"MAGNET:?tr.1=SECRET&xt.1=urn:btih:{HASH}", f"magnet:?xt.1=urn:btih:{HASH}"),
    ],
)
def test_a_link_is_shown_without_what_lets_somebody_in(given: str, shown: str) -> None:
    assert shown_link(given) == shown


def test_in_a_message_each_address_is_without_its_user() -> None:
    said = "URI=http://me:secret@a/x failed, then ftp://you:secret@b/y; write to me@example.org"

    assert without_sign_in(said) == "URI=http://***@a/x failed, then ftp://***@b/y; write to me@example.org"


def test_options_are_shown_without_passwords() -> None:
    given = {"http-user": "me", "http-passwd": "secret", "split": 4, "referer": "http://me:secret@a/"}
    given |= {"bt-tracker": "http://t/KEY/announce"}

    assert shown_options(given) == {
        "http-user": "me",
        "http-passwd": "***",
        "split": 4,
        "referer": "http://***@a/",
        "bt-tracker": "***",
    }
