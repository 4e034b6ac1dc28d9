"""A `*_file` key names a file or one of systemd's credentials."""

import pytest

from cloudgather.config.secrets import secret_file
from cloudgather.config.settings import parse_settings

TARGET = '[targets.t]\nroot = "/mnt/t"\nconfirm = "rclone"\nrclone_rc = "unix:/rc"\nrclone_rc_user = "me"\n'


def test_a_path_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x.service")

    assert secret_file("/etc/cloudgather//rclone.password") == b"/etc/cloudgather/rclone.password"


def test_a_name_is_one_of_the_credentials_that_systemd_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x.service")

    assert secret_file("密码") == "/run/credentials/x.service/密码".encode()


@pytest.mark.parametrize("given", [None, ""])
def test_a_check_from_a_shell_means_the_services_own(given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    if given is not None:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", given)

    assert secret_file("rclone-password") == b"/run/credentials/cloudgather.service/rclone-password"


@pytest.mark.parametrize("given", ["..", ".", "a\0b", "x" * 256, "~/secret", "below/secret", "", 3, "/a/../b"])
def test_what_is_neither_is_refused(given: object) -> None:
    with pytest.raises(ValueError):
        secret_file(given)


def test_a_target_takes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/c")

    settings = parse_settings(f'{TARGET}rclone_rc_password_file = "rclone"', file="/f", mounts=())

    control = settings.targets["t"].remote_control
    assert control is not None
    assert control.password_file == b"/run/c/rclone"
