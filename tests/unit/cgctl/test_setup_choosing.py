"""As whom the daemon should run: which accounts are tried, in which order, and why."""

import pytest

from cgctl.setup.choosing import Owner, Why, choices
from cgctl.setup.machine import Account

USERS = {0: "root", 990: "cloudgather", 1000: "alice", 1001: "bob"}
SERVICE = Account(user="cloudgather", group="cloudgather")
ALICE = Account(user="alice", group="alice", extra=frozenset({"cloudgather"}))
BOB = Account(user="bob", group="bob", extra=frozenset({"cloudgather"}))


def account_of(uid: int, gid: int | None) -> Account:
    return Account(user=USERS[uid], group=group_name(uid if gid is None else gid))


def group_name(gid: int) -> str:
    return {**USERS, 2000: "media"}[gid]


def an_owner(uid: int, gid: int | None = None, mode: int = 0o755) -> Owner:
    return Owner(uid=uid, gid=uid if gid is None else gid, mode=mode)


def tried(
    *,
    now: Account | None = SERVICE,
    private_to: tuple[int, int] | None = None,
    downloads: Owner | None = None,
    drive: Owner | None = None,
) -> list[tuple[Why, Account]]:
    found = choices(
        now=now,
        private_to=private_to,
        downloads=downloads,
        drive=drive,
        account_of=account_of,
        group_name=group_name,
    )
    return [(choice.why, choice.account) for choice in found]


def test_a_drive_without_allow_other_leaves_no_choice() -> None:
    assert tried(private_to=(1000, 1000), downloads=an_owner(1001)) == [(Why.MOUNT, ALICE)]


def test_the_group_of_the_mount_is_taken_and_not_the_users_own() -> None:
    ((_, account),) = tried(private_to=(1000, 2000))

    assert account == Account(user="alice", group="media", extra=frozenset({"cloudgather"}))


def test_who_runs_already_and_is_let_in_stays_with_his_further_groups() -> None:
    now = Account(user="alice", group="alice", extra=frozenset({"media", "cloudgather"}))

    assert tried(now=now, private_to=(1000, 1000))[0] == (Why.AS_NOW, now)


def test_a_mount_of_roots_is_served_as_root() -> None:
    ((why, account),) = tried(private_to=(0, 0))

    assert (why, account.user, account.group) == (Why.MOUNT, "root", "root")


def test_the_least_comes_first_and_owners_come_last() -> None:
    found = tried(now=None, downloads=an_owner(1000, 2000, 0o750), drive=an_owner(1001, mode=0o700))

    assert found == [
        (Why.SERVICE, SERVICE),
        (Why.GROUP, Account(user="cloudgather", group="cloudgather", extra=frozenset({"media"}))),
        (Why.DOWNLOADS, ALICE),
        (Why.DRIVE, BOB),
    ]


def test_what_runs_now_is_tried_before_all() -> None:
    now = Account(user="bob", group="bob")

    assert tried(now=now, downloads=an_owner(1000))[0] == (Why.AS_NOW, BOB)


@pytest.mark.parametrize("folder", [an_owner(0, 0, 0o770), None])
def test_neither_root_nor_his_group_is_proposed_for_a_folder(folder: Owner | None) -> None:
    assert [account for _, account in tried(downloads=folder, drive=folder)] == [SERVICE, SERVICE]
