"""Which links are taken, and which addresses are out of bounds."""

import pytest

from cgwire.codes import Code
from cgwire.text import LANGUAGES, knows
from cloudgather.core.link import BadLink, Scheme, is_private, read_link

HASH = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("uri", "name", "infohash"),
    [
        (f"magnet:?xt=urn:btih:{HASH.upper()}&dn=%E7%94%B5%E5%BD%B1", "电影", HASH),
        (f"magnet:?dn=a+b&xt=urn:sha1:x&xt=urn:btih:{HASH}", "a b", HASH),
        ("magnet:?xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH", HASH, HASH),
        (f"magnet:?xt=urn:btmh:1220{HASH}{'0' * 24}", HASH, HASH),
    ],
)
def test_a_magnet_link_has_the_hash_of_its_torrent(uri: str, name: str, infohash: str) -> None:
    link = read_link(uri)

    assert (link.scheme, link.name, link.infohash, link.host) == (Scheme.MAGNET, name, infohash, None)


@pytest.mark.parametrize(
    ("uri", "name", "host"),
    [
        ("https://example.org/a/%E7%94%B5%E5%BD%B1.mkv?key=1", "电影.mkv", "example.org"),
        ("http://[2001:db8::1]:8080/", "2001:db8::1", "2001:db8::1"),
        ("ftp://user:word@example.org/film.mkv", "film.mkv", "example.org"),
    ],
)
def test_an_address_has_a_host_and_a_name(uri: str, name: str, host: str) -> None:
    link = read_link(uri)

    assert (link.name, link.host, link.infohash) == (name, host, None)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "film.torrent",
        "file:///etc/passwd",
        "data:,x",
        "sftp://example.org/x",
        "http:///x",
        "http://",
        "http://host:99999/",
        "http://[::1/",
        "http://example.org/a b",
        "http://example.org/\nx",
        "magnet:?dn=film",
        "magnet:?xt=urn:btih:1234",
        "http://example.org/" + "x" * 8192,
    ],
)
def test_what_cannot_be_downloaded_is_refused_with_a_reason(uri: str) -> None:
    with pytest.raises(BadLink) as caught:
        read_link(uri)

    assert {knows(caught.value.reason.code, language) for language in LANGUAGES} == {True}


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("ed2k://|file|x|1|2|/", Code.LINK_OTHER),
        ("magnet:?xt=urn:btih:0123456789abcdef", Code.LINK_NO_HASH),
        ("http://", Code.LINK_NO_HOST),
        ("https://example.org/a b", Code.LINK_SPACE),
        ("http://host:99999/", Code.LINK_MALFORMED),
    ],
)
def test_what_people_often_hand_in_instead_of_a_link_has_a_name(uri: str, code: Code) -> None:
    with pytest.raises(BadLink) as caught:
        read_link(uri)

    assert caught.value.reason.code == code


_NEAR = b"""127.0.0.1 127.9.9.9 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1
::1 :: fe80::1 fe80::1%eth0 fc00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:7f00:1::"""


@pytest.mark.parametrize("address", _NEAR.decode().split())
def test_addresses_of_this_machine_and_of_private_networks(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_out_in_the_world(address: str) -> None:
    assert not is_private(address)
