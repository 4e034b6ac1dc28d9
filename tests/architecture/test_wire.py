"""A request has all that belongs to it, and its bytes do not drift by accident."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgpack
import pytest

from architecture.wire import CODES, DOCUMENT, METHODS, between, codes, methods, requests, sample
from cgwire import task
from cgwire.access import Access
from cgwire.codec import encode_answer, encode_call, encode_error
from cgwire.codes import Code
from cgwire.reasons import because
from cgwire.request import Request
from cloudgather.control.handlers import HANDLERS
from cloudgather.control.parsing import Parser

RECORDED = Path(__file__).parent / "recorded" / "calls.txt"

each = pytest.mark.parametrize("request_type", requests(), ids=lambda request: request.METHOD)


def recorded() -> dict[str, str]:
    return dict(line.split() for line in RECORDED.read_text().splitlines())


@each
def test_a_request_says_what_it_is(request_type: type[Request]) -> None:
    noun, verb = request_type.METHOD.split(".")

    assert request_type.__module__ == f"cgwire.{noun}"
    assert request_type.__name__.lower() == verb
    assert request_type.__doc__ and not request_type.__doc__.startswith(f"{request_type.__name__}(")  # dataclass's own
    assert isinstance(request_type.ACCESS, Access)


def test_a_method_is_one_requests() -> None:
    assert [method for method, n in Counter(request.METHOD for request in requests()).items() if n > 1] == []


@each
def test_a_request_has_a_handler_named_after_it(request_type: type[Request]) -> None:
    assert HANDLERS[request_type] == request_type.METHOD.replace(".", "_")


def test_a_handler_has_a_request() -> None:
    assert set(HANDLERS) == set(requests())


@each
def test_a_request_keeps_its_recorded_bytes(request_type: type[Request]) -> None:
    frame = encode_call(1, sample(request_type))

    assert recorded().get(request_type.METHOD) == frame.hex(), (
        f"the wire has changed; if that is meant, {RECORDED.name} has this line: {request_type.METHOD} {frame.hex()}"
    )


def test_nothing_is_recorded_that_is_gone() -> None:
    assert set(recorded()) == {request.METHOD for request in requests()}


@each
def test_recorded_bytes_are_read_as_the_request(request_type: type[Request]) -> None:
    _, _, method, (params,) = msgpack.unpackb(bytes.fromhex(recorded()[request_type.METHOD]))

    assert method == request_type.METHOD
    assert Parser(request_type).parse(params) == sample(request_type)


def test_the_document_has_every_method_and_every_code_as_it_is() -> None:
    how = "rewrite it: PYTHONPATH=tests python -m architecture.wire"

    assert between(METHODS) == methods(), how
    assert between(CODES) == codes(), how


def test_no_code_is_passed_over() -> None:
    assert [code for code in Code if f"| `{code}` |" not in codes()] == []


@pytest.mark.parametrize(
    "frame",
    [
        encode_call(1, task.Run(name="films")),
        encode_answer(1, {"run": 7}),
        encode_error(1, because(Code.ERROR_NO_SUCH_TASK, task="films", near=[]).to_wire()),
    ],
    ids=["call", "answer", "error"],
)
def test_the_documents_bytes_are_what_the_codec_makes(frame: bytes) -> None:
    assert frame.hex() in "".join(DOCUMENT.read_text().split())


@pytest.mark.parametrize("noun", sorted({request.__module__ for request in requests()}))
def test_a_nouns_module_loads_no_other_and_nothing_heavy(noun: str) -> None:
    script = f"import sys; before = set(sys.modules); import {noun}, cgwire.codec; print(*set(sys.modules) - before)"

    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    loaded = set(output.split())

    assert {name for name in loaded if name.startswith("cgwire.")} == {
        "cgwire.access",
        "cgwire.codec",
        "cgwire.request",
        noun,
    }
    assert loaded & {"asyncio", "logging", "socket", "pathlib", "json", "importlib.metadata", "cloudgather"} == set()
