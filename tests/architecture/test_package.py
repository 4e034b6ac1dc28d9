"""Versions agree wherever they are written down."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cgwire.version import VERSION

TOP = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
CONSTRAINTS = [line for line in (TOP / "constraints.txt").read_text().splitlines() if not line.startswith("#")]


def test_the_client_knows_its_version() -> None:
    assert PYPROJECT["project"]["version"] == VERSION


def test_constraints_are_exact_versions_and_nothing_else() -> None:
    for line in CONSTRAINTS:
        requirement = Requirement(line)
        assert str(requirement) == line
        assert [specifier.operator for specifier in requirement.specifier] == ["=="]


def test_constraints_fix_every_dependency_within_its_bounds() -> None:
    fixed = {canonicalize_name(Requirement(line).name): line.partition("==")[2] for line in CONSTRAINTS}
    groups = (
        PYPROJECT["project"]["dependencies"],
        *PYPROJECT["project"]["optional-dependencies"].values(),
        PYPROJECT["dependency-groups"]["dev"],
        PYPROJECT["build-system"]["requires"],
    )

    for requirement in (Requirement(each) for group in groups for each in group):
        assert requirement.specifier.contains(fixed[canonicalize_name(requirement.name)]), requirement


def test_every_dependency_has_a_lowest_version() -> None:
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    for each in (each for group in (PYPROJECT["project"]["dependencies"], *extras) for each in group):
        assert any(specifier.operator == ">=" for specifier in Requirement(each).specifier), each
