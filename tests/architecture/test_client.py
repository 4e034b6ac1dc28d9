"""The client starts fast because it imports little; each ban has its reason."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.canned import canned
from fakes.replies import a_status

BANNED = {
    "asyncio": "45 ms; the client blocks",
    "logging": "21 ms; the client prints",
    "pathlib": "18 ms; paths are bytes",
    "importlib.metadata": "40 ms; the version is a constant",
    "socket": "14 ms; _socket is its C part",
    "subprocess": "only config check, doctor and edit start anything",
    "json": "15 ms; only with --json",
    "tempfile": "only task edit",
    "rich": "44 ms for a table",
    "tomlkit": "only task edit --set",
    "cloudgather": "the daemon is known through the wire only",
    "cgwire.codes": "an enum of all codes; the catalogues have plain text",
    "cgwire.text.help": "help and wrong usage only",
    "cgwire.task": "a request of another noun",
    "cgwire.queue": "a request of another noun",
    "cgwire.target": "a request of another noun",
}
CODE = """
import sys
from cgctl.__main__ import run
import os
code = run(sys.argv[1:], os.environ)
print("\\n".join(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def modules_after(folder: Path, *arguments: str, language: str = "C.UTF-8") -> set[str]:
    environ = {**os.environ, "CLOUDGATHER_SOCKET": str(folder / "control.sock"), "LC_ALL": language}
    with canned(folder, {"daemon.status": a_status()}):
        done = subprocess.run(
            [sys.executable, "-c", CODE, *arguments], env=environ, capture_output=True, text=True, check=True
        )
    assert "cloudgatherd" in done.stdout or json.loads(done.stdout)
    return set(done.stderr.split())


@pytest.mark.parametrize("language", ["C.UTF-8", "zh_CN.UTF-8"])
def test_status_imports_nothing_heavy(tmp_path: Path, language: str) -> None:
    modules = modules_after(tmp_path, "status", language=language)

    assert {name: why for name, why in BANNED.items() if name in modules} == {}


def test_only_one_language_is_loaded(tmp_path: Path) -> None:
    modules = modules_after(tmp_path, "status")

    assert "cgwire.text.en" in modules
    assert not {"cgwire.text.zh_cn", "cgctl.phrases_zh_cn"} & modules


def test_json_adds_json_and_little_else(tmp_path: Path) -> None:
    plain = modules_after(tmp_path, "status")
    (tmp_path / "control.sock").unlink()

    more = modules_after(tmp_path, "status", "--json") - plain

    assert {name.partition(".")[0] for name in more} <= {"json", "_json", "base64", "binascii", "cgctl"}
