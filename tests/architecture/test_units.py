"""The unit files are what systemd understands."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "units"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("*.service")))
def test_systemd_finds_nothing_to_say_about_a_unit(unit: str, tmp_path: Path) -> None:
    # The program is not installed where the tests run, and a missing one is an error to systemd.
    text = (UNITS / unit).read_text().replace("/opt/cloudgather/bin/cloudgatherd", "/bin/true")
    (tmp_path / unit).write_text(text)

    verify = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)], capture_output=True, text=True, check=False
    )

    assert (verify.stderr, verify.returncode) == ("", 0)  # an unknown key is only a line on stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_service_is_sandboxed() -> None:
    security = ["systemd-analyze", "security", "--no-pager", "--offline=yes", "--threshold=20"]
    rated = subprocess.run([*security, UNITS / "cloudgather.service"], capture_output=True, text=True, check=False)
    assert rated.returncode == 0, rated.stdout[-200:]


def test_the_sandbox_hides_no_folder_that_downloads_or_targets_may_be_in() -> None:
    service = (UNITS / "cloudgather.service").read_text()
    settings = dict(line.split("=", 1) for line in service.splitlines() if "=" in line and not line.startswith("#"))

    assert settings["ProtectSystem"] == "full"
    assert settings["ReadWritePaths"] == "-/etc/cloudgather"  # on a mount point it would keep a dead mount in sight
    hiding = {"PrivateTmp", "ProtectHome", "ReadOnlyPaths", "InaccessiblePaths", "TemporaryFileSystem", "PrivateUsers"}
    assert set(settings) & hiding == set()
