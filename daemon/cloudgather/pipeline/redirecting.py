"""Lets what is queued follow its task: to where that goes now, or nowhere if it has left the configuration."""

from collections.abc import Iterable

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.naming import destination
from cloudgather.core.task import Task
from cloudgather.core.transfer import State, Transfer
from cloudgather.pipeline.board import Board
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Chosen, QueueStore


def go_to(task: Task, transfers: Iterable[Transfer]) -> bool:
    """Whether all of these of a task are bound for where it goes now."""
    target, place = task.target, destination(task.base, b"")
    return all(each.target == target and each.destination == place + each.path for each in transfers)


async def redirect(store: QueueStore, board: Board) -> None:
    """Everything that is queued; what runs follows when it comes back to the queue."""
    for name, state in list(board.tasks.items()):  # a reload may come between
        await store.redirect(name, target=state.task.target, base=state.task.base)


async def redirect_again(transfer: Transfer, *, store: QueueStore, board: Board, clock: Clock) -> None:
    """One that has come back to the queue while the configuration changed."""
    if transfer.state is not State.QUEUED or transfer.task in board.broken:
        return
    if (state := board.tasks.get(transfer.task)) is None:
        reason = because(Code.CANCELLED_TASK_REMOVED)
        await store.cancel(Chosen(ids=(transfer.id,)), reason=reason, now=clock.now())
    elif not go_to(state.task, [transfer]):
        await store.redirect(transfer.task, target=state.task.target, base=state.task.base)
