"""Conversations: what is told of a connection that cannot be made."""

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest

from cloudgather.outside.http import Conversation, NoAnswer

# Signed by itself, good for a hundred years; for nothing but this.
SELF_SIGNED = """\
-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUVhV2W7L6gk0aDE46U189O0nwj8wwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjEzMjAwNVoYDzIxMjYxMDI5
MTMyMDA1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASydGZWANaFB3TQPQ742qtG1Sy0iYpLX1w4JGCiqz49t/nYK7/WJhhC
byb2VwROXR1tyazMWnTtV/FwssPeFFSoo1MwUTAdBgNVHQ4EFgQUgh0Nud1tnQuL
qEzaqPuenMtGm98wHwYDVR0jBBgwFoAUgh0Nud1tnQuLqEzaqPuenMtGm98wDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAtj5VZWKw3cY9fxwNAVTG
4cPiaf9skcURJx9g+ellnNgCIQC8U8UHtILxVWZiPBmII5jJAF+JWuNwQYZAySHl
I7pELg==
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgWP+pRUg8E33M+b+z
LmDDQVS90x7jIQb3v+DRNFe6rYehRANCAASydGZWANaFB3TQPQ742qtG1Sy0iYpL
X1w4JGCiqz49t/nYK7/WJhhCbyb2VwROXR1tyazMWnTtV/FwssPeFFSo
-----END PRIVATE KEY-----
"""


async def refusals(url: str) -> list[str]:
    """Why it cannot be asked, and why it cannot be listened to."""
    conversation = Conversation(url)
    said = []
    try:
        for attempt in (conversation.ask("GET"), conversation.listen(lambda: None, lambda _: None)):
            with pytest.raises(NoAnswer) as refused:
                await attempt
            said.append(str(refused.value))
    finally:
        await conversation.close()
    return said


async def answer_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        await reader.read(1 << 16)  # what is closed with something unread in it is reset
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()  # until whoever asked has hung up
    writer.close()


async def told_by(server: asyncio.Server, scheme: str) -> list[str]:
    async with server:
        host, port = server.sockets[0].getsockname()
        return await refusals(f"{scheme}://{host}:{port}")


def test_a_certificate_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    (tmp_path / "certificate").write_text(SELF_SIGNED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate")

    async def ask() -> list[str]:
        return await told_by(await asyncio.start_server(answer_plainly, "127.0.0.1", 0, ssl=context), "https")

    for said in asyncio.run(ask()):
        assert said.startswith("its certificate is not trusted here: self") and "[" not in said


def test_who_speaks_no_tls_is_not_said_to_forbid_anything() -> None:
    async def ask() -> list[str]:
        return await told_by(await asyncio.start_server(answer_plainly, "127.0.0.1", 0), "https")

    for said in asyncio.run(ask()):
        assert said.startswith("TLS: ")


def test_nobody_listens_in_the_words_of_the_system() -> None:
    assert asyncio.run(refusals("http://127.0.0.1:1")) == ["Connection refused"] * 2
