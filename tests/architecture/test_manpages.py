"""The man pages say what the commands and the samples say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("man")
    subprocess.run([sys.executable, CHECKOUT / "script" / "manpages.py", folder], check=True)
    return {path.name: path.read_text().replace("\\-", "-") for path in folder.iterdir()}


def test_there_is_a_page_of_each_command_and_of_the_configuration(pages: dict[str, str]) -> None:
    assert set(pages) == {"cgctl.1", "cloudgatherd.8", "cloudgather.toml.5"}


@pytest.mark.parametrize(
    "part", ["cgctl task add [OPTIONS] [NAME]", "--filter-preset NAME", "cgctl doctor", "Exit codes"]
)
def test_the_client_is_told_with_all_its_commands(pages: dict[str, str], part: str) -> None:
    assert part in pages["cgctl.1"]


def test_every_key_of_the_samples_is_told_and_no_chinese(pages: dict[str, str]) -> None:
    page = pages["cloudgather.toml.5"]
    samples = [CHECKOUT / "etc" / "cloudgather.toml", *(CHECKOUT / "etc" / "tasks.d").iterdir()]
    keys = {key for sample in samples for key in re.findall(r"^#? ?([a-z_]+) = ", sample.read_text(), re.MULTILINE)}
    assert {"state_dir", "rclone_rc", "settle"} <= keys

    assert {key for key in keys if not re.search(rf"^\.B {key} = ", page, re.MULTILINE)} == set()
    assert "Keep it on a local disk" in page
    assert "One file per task: NAME.toml." in page
    assert re.search("[\u4e00-\u9fff]", re.sub(r"^\.B .*", "", page, flags=re.MULTILINE)) is None


def test_no_line_is_taken_for_a_request_that_it_is_not(pages: dict[str, str]) -> None:
    known = {"TH", "SH", "SS", "PP", "TP", "TQ", "B", "I", "br", "nf", "fi"}
    for page in pages.values():
        assert set(re.findall(r"^[.']([A-Za-z]*)", page, re.MULTILINE)) <= known
