"""What the documents say of the code is so."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cgctl.__main__ import COMMANDS
from cgctl.lazy import Entry

TOP = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "README.zh-CN.md", *(f"docs/{path.name}" for path in sorted((TOP / "docs").glob("*.md")))]


def test_the_diagram_of_states_is_the_table_of_moves() -> None:
    check = subprocess.run([sys.executable, TOP / "script" / "diagram.py", "--check"], check=False, capture_output=True)

    assert (check.returncode, check.stderr) == (0, b"")


def commands(text: str) -> Iterator[list[str]]:
    """The words behind each `cgctl` of inline code and code blocks, up to the first that is no bare word."""
    code = "\n".join(re.findall(r"```.*?```|(?:^    .*\n)+|`[^`\n]+`", text, re.DOTALL | re.MULTILINE))
    for found in re.findall(r"\bcgctl((?: [a-z|]+)+)", code):
        yield found.split()


def known(words: list[str], entries: Mapping[str, Entry]) -> bool:
    """Whether they name a command; `list|show` names both."""
    for name in words[0].split("|"):
        if name not in entries:
            return False
        below = entries[name].entries
        if below and len(words) > 1 and not known(words[1:], below):
            return False
    return True


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_a_document_names_exists(document: str) -> None:
    text = (TOP / document).read_text(encoding="utf-8")

    assert [words for words in commands(text) if not known(words, COMMANDS)] == []


def test_both_readmes_name_the_same_commands() -> None:
    english, chinese = (
        {words[0] for words in commands((TOP / name).read_text(encoding="utf-8"))}
        for name in ("README.md", "README.zh-CN.md")
    )

    assert english == chinese
    assert len(english) > 8


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_to_a_file_leads_somewhere(document: str) -> None:
    text = (TOP / document).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]

    assert [link for link in links if not (TOP / document).parent.joinpath(link).exists()] == []
