"""A `*_file` key names a file, or one of systemd's credentials."""

from pathlib import Path

import pytest

from cloudgather.config.secrets import secret_file
from cloudgather.config.settings import parse_settings

MAIN = "/etc/cloudgather/cloudgather.toml"
TARGET = '[targets.t]\nroot = "/mnt/t"\nconfirm = "rclone"\nrclone_rc = "unix:/rc"\nrclone_rc_user = "me"\n'


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "rclone").touch()
    read = secret_file(MAIN, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert read("/etc/cloudgather//rclone.password") == b"/etc/cloudgather/rclone.password"


def test_a_name_is_one_of_the_credentials_that_systemd_gave(tmp_path: Path) -> None:
    (tmp_path / "密码").touch()

    assert secret_file(MAIN, {"CREDENTIALS_DIRECTORY": str(tmp_path)})("密码") == bytes(tmp_path / "密码")


@pytest.mark.parametrize("environ", [{}, {"CREDENTIALS_DIRECTORY": ""}, {"CREDENTIALS_DIRECTORY": "/nowhere"}])
def test_a_name_that_is_no_credential_is_a_file_beside_the_main_one(environ: dict[str, str]) -> None:
    assert secret_file(MAIN, environ)("rclone.password") == b"/etc/cloudgather/rclone.password"


@pytest.mark.parametrize("given", ["..", ".", "./", "a\0b", "x" * 256, "~/secret", "", 3, "/a/../b", "../b"])
def test_what_is_neither_is_refused(given: object) -> None:
    with pytest.raises(ValueError):
        secret_file(MAIN, {})(given)


def test_a_target_takes_one(tmp_path: Path) -> None:
    (tmp_path / "rclone").touch()
    text = f'{TARGET}rclone_rc_password_file = "rclone"'

    settings = parse_settings(text, file=MAIN, mounts=(), environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})

    control = settings.targets["t"].remote_control
    assert control is not None
    assert control.password_file == bytes(tmp_path / "rclone")
