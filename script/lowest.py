"""Print the lowest version that pyproject.toml allows of each dependency, as pip requirements."""

import re
import sys
import tomllib


def lowest(requirement: str) -> str:
    """`name>=1.2,<2` becomes `name==1.2`."""
    found = re.match(r"([A-Za-z0-9._-]+)\s*>=\s*([0-9][0-9a-z.]*)", requirement)
    if found is None:
        raise SystemExit(f"cannot read the lower bound of {requirement!r}")
    return f"{found[1]}=={found[2]}"


if __name__ == "__main__":
    with open("pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    dependencies = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    sys.stdout.writelines(f"{lowest(requirement)}\n" for requirement in dependencies)
