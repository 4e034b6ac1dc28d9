"""What the shell completes: names that the daemon knows. Without a daemon there is nothing to complete."""

from typing import Any

import click

from cgctl.connection import Connection, Refusal, Unreachable
from cgctl.options import session_of
from cgwire.request import Request

PATIENCE = 2.0  # seconds; a key press must not hang


def _names(ctx: click.Context, request: Request, key: str, incomplete: str) -> list[str]:
    try:
        with Connection(session_of(ctx).address) as connection:
            items = connection.call(request, patience=PATIENCE)[key]
    except (Refusal, Unreachable):
        return []
    return [item["name"] for item in items if item["name"].startswith(incomplete)]


def task_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of tasks."""
    from cgwire.task import List

    return _names(ctx, List(), "tasks", incomplete)


def target_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of targets."""
    from cgwire.target import List

    return _names(ctx, List(), "targets", incomplete)


def task_argument(function: Any) -> Any:
    """NAME, a task's."""
    return click.argument("name", shell_complete=task_names)(function)


def target_argument(function: Any) -> Any:
    """NAME, a target's."""
    return click.argument("name", shell_complete=target_names)(function)


def downloader_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of downloaders."""
    from cgwire.downloader import List

    return _names(ctx, List(), "downloaders", incomplete)


def downloader_argument(function: Any) -> Any:
    """NAME, a downloader's."""
    return click.argument("name", shell_complete=downloader_names)(function)


def task_option(function: Any) -> Any:
    """--task NAME."""
    return click.option("--task", metavar="NAME", help="Only of this task.", shell_complete=task_names)(function)
