"""When an upload window of a target, or of a task that goes to it, opens or closes next."""

import math
from datetime import tzinfo

from cloudgather.core.task import Task, Window
from cloudgather.core.window import closes_at, is_open, opens_at
from cloudgather.pipeline.board import Board, TargetState


def until_edge(board: Board, lane: TargetState) -> float:
    """Seconds; infinite where there is no window."""
    windows = [(lane.spec.upload_window, board.zone)]
    windows += [(state.task.upload_window, state.zone) for state in board.tasks.values() if _goes_to(state.task, lane)]
    return min((_until(board, window, zone) for window, zone in windows if window is not None), default=math.inf)


def _goes_to(task: Task, lane: TargetState) -> bool:
    return task.target == lane.spec.name and task.upload_window is not None


def _until(board: Board, window: Window, zone: tzinfo) -> float:
    now = board.now()
    local = now.astimezone(zone)
    edge = closes_at(window, local) if is_open(window, local) else opens_at(window, local)
    return math.inf if edge is None else (edge - now).total_seconds()
