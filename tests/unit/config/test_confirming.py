"""How a target is told to have rclone asked."""

from datetime import timedelta

import pytest

from cloudgather.config.confirming import read_confirm
from cloudgather.config.problems import Faults, InvalidConfiguration
from cloudgather.config.reading import Table
from cloudgather.config.settings import parse_settings
from cloudgather.config.values import folder
from cloudgather.core.target import Confirm, Kind, RemoteControl, TargetSpec


def a_target(content: str) -> TargetSpec:
    text = f'[targets.t]\nroot = "/mnt/t"\nconfirm = "rclone"\n{content}'
    return parse_settings(text, file="/f", mounts=()).targets["t"]


def complaints(content: str) -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        parse_settings(f'[targets.t]\nroot = "/mnt/t"\n{content}', file="/f", mounts=())
    return [problem.text for problem in caught.value.problems]


def test_everything_about_a_remote_control() -> None:
    spec = a_target(
        'rclone_rc = "http://127.0.0.1:5572"\nrclone_rc_user = "me"\nrclone_rc_password_file = "/etc/pw"\n'
        'rclone_fs = "cloud:films"\nconfirm_within = "2h"'
    )

    assert spec.confirm is Confirm.RCLONE
    assert spec.confirm_within == timedelta(hours=2)
    assert spec.remote_control == RemoteControl(
        address="http://127.0.0.1:5572", user="me", password_file=b"/etc/pw", fs="cloud:films"
    )


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://127.0.0.1:5572", "http://127.0.0.1:5572"),
        ("https://nas.lan:5572/rclone", "https://nas.lan:5572/rclone"),
        ("http://[::1]:5572/", "http://[::1]:5572/"),
        ("unix:/run/rclone.sock", "unix:/run/rclone.sock"),
        ("unix:///run/rclone.sock", "unix:/run/rclone.sock"),
    ],
)
def test_addresses(given: str, address: str) -> None:
    control = a_target(f'rclone_rc = "{given}"').remote_control

    assert control is not None
    assert control.address == address


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('confirm = "rclone"', "rclone_rc: is missing; write for example"),
        ('confirm = "rclone"\nrclone_rc = "127.0.0.1:5572"', "is not an address"),
        ('confirm = "rclone"\nrclone_rc = "ftp://x"', "is not an address"),
        ('confirm = "rclone"\nrclone_rc = "http://x:99999"', "is not an address"),
        ('confirm = "rclone"\nrclone_rc = "http://x:0"', "is not an address"),
        ('confirm = "rclone"\nrclone_rc = "unix:rclone.sock"', "is not an address"),
        ('confirm = "rclone"\nrclone_rc = "http://me:secret@x"', "write them as rclone_rc_user"),
        ('confirm = "rclone"\nrclone_rc = "http://x"\nrclone_rc_password_file = "/p"', "rclone_rc_user: is missing"),
        ('confirm = "rclone"\nrclone_rc = "http://x"\nrclone_rc_user = "a:b"', "holds a colon"),
        ('rclone_rc = "http://x"', 'rclone_rc: is used with confirm = "rclone" only'),
        ('kind = "directory"\nconfirm = "rclone"', '"rclone" asks about a mount'),
        ('confirm = "stored"', '"stored" cannot be known of a mount; use "none", "seen", "rclone"'),
    ],
)
def test_what_is_wrong_with_it(content: str, expected: str) -> None:
    assert expected in "\n".join(complaints(content))


def test_a_secret_in_the_address_is_not_repeated() -> None:
    assert "secret" not in "\n".join(complaints('confirm = "rclone"\nrclone_rc = "http://me:secret@x"'))


def test_without_the_http_client_it_is_said_how_to_get_it() -> None:
    faults = Faults("/f")
    table = Table({"confirm": "rclone", "rclone_rc": "http://x:1"}, faults, ("targets", "t"))

    read_confirm(table, Kind.MOUNT, can_ask=False, secret=folder)

    (problem,) = faults.problems()
    assert "pip install aiohttp" in problem.text
