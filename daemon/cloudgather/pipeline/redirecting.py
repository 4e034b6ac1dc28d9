"""Lets what is queued follow its task: to where that goes now, or nowhere if it has left the configuration."""

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.naming import destination
from cloudgather.core.task import Task
from cloudgather.core.transfer import State, Transfer
from cloudgather.pipeline.board import Board
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Chosen, QueueStore


def goes_to(task: Task, transfer: Transfer) -> bool:
    """Whether the transfer is bound for where its task goes now."""
    return transfer.target == task.target and transfer.destination == destination(task.base, transfer.path)


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
    elif not goes_to(state.task, transfer):
        await store.redirect(transfer.task, target=state.task.target, base=state.task.base)
