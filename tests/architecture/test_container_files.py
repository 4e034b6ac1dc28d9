"""What belongs to the container fits together, as far as that can be seen without an engine."""

import fnmatch
import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
DOCKERFILE = (TOP / "Dockerfile").read_text()
COMPOSE = (TOP / "compose.yaml").read_text()
ENTRYPOINT = (TOP / "container" / "entrypoint").read_text()
SETTINGS = (TOP / "daemon" / "cloudgather" / "config" / "settings.py").read_text()
COPIED = [source for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", DOCKERFILE) for source in line.split()[:-1]]
VARIABLES = re.findall(r"(?m)^      (?:# )?([A-Z_]+): ", COMPOSE)


def test_all_that_the_image_needs_is_copied() -> None:
    assert {"daemon", "ctl", "container", "pyproject.toml", "constraints.txt"} <= set(COPIED)


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_is_there_and_let_through(source: str) -> None:
    (everything, *rules) = [
        line for line in (TOP / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
    ]

    assert (TOP / source).exists()
    assert everything == "*"
    assert any(rule.startswith("!") and fnmatch.fnmatch(source, rule[1:]) for rule in rules)


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_of_compose_is_read_and_documented(variable: str) -> None:
    assert f"`{variable}`" in (TOP / "docs" / "container.md").read_text()
    assert f"{variable}" in ENTRYPOINT or f'"{variable}"' in SETTINGS


def test_compose_has_the_variables_of_the_original() -> None:
    assert {"TZ", "PUID", "PGID", "UMASK", "LOG_LEVEL", "CONSOLE_LEVEL", "LOG_SAVE_DAYS"} <= set(VARIABLES)


def test_the_entry_point_is_a_script_that_runs() -> None:
    assert (TOP / "container" / "entrypoint").stat().st_mode & 0o111 == 0o111
    assert subprocess.run(["sh", "-n", TOP / "container" / "entrypoint"], check=False).returncode == 0


def test_paths_of_the_image_are_those_of_its_configuration() -> None:
    configuration = (TOP / "container" / "cloudgather.toml").read_text()

    for key, path in (("state_dir", "state"), ("tasks_dir", "tasks.d"), ("log_dir", "log")):
        assert f'{key} = "/config/{path}"' in configuration
        assert f'"$config/{path}"' in ENTRYPOINT
