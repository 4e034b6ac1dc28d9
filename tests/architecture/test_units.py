"""The unit files are what systemd understands."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "units"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.iterdir()))
def test_systemd_finds_nothing_to_say_about_a_unit(unit: str, tmp_path: Path) -> None:
    # The program is not installed where the tests run, and a missing one is an error to systemd.
    text = (UNITS / unit).read_text().replace("/opt/cloudgather/bin/cloudgatherd", "/bin/true")
    (tmp_path / unit).write_text(text)

    verify = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)], capture_output=True, text=True, check=False
    )

    assert (verify.stderr, verify.returncode) == ("", 0)  # an unknown key is only a line on stderr


def test_the_service_keeps_the_mounts_of_the_machine_in_sight() -> None:
    service = (UNITS / "cloudgather.service").read_text()
    settings = {line.split("=")[0] for line in service.splitlines() if "=" in line and not line.startswith("#")}

    own_mounts = {"PrivateTmp", "PrivateMounts", "ProtectHome", "ProtectSystem", "ReadOnlyPaths", "ReadWritePaths"}
    assert settings & own_mounts == set()
