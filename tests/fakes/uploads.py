"""A program behind a mount that uploads on command."""

from collections.abc import Callable, Sequence

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.target import Identity, TargetSpec
from cloudgather.core.uploads import Listed, Upload
from cloudgather.ports.uploads import CannotAsk


class FakeUploads:
    """ports.uploads.Uploads: what a test puts into `pending` is pending, what it puts into `cloud` is listed."""

    def __init__(self) -> None:
        self.pending: dict[bytes, Upload] = {}
        self.failed: dict[bytes, Upload] = {}  # not pending any more
        self.cloud: dict[bytes, Listed] = {}
        self.silent = False
        self.asked = 0  # for progress
        self.looked_up: list[bytes] = []
        self.asking: Callable[[], object] = lambda: None  # called while it is being asked for progress

    async def progress(self, spec: TargetSpec, identity: Identity, paths: Sequence[bytes]) -> Sequence[Upload]:
        """What the test put into pending."""
        self.asked += 1
        self.asking()
        self._answer()
        idle = Upload(pending=False)
        return [self.pending.get(path) or self.failed.get(path) or idle for path in paths]

    async def stored(self, spec: TargetSpec, identity: Identity, paths: Sequence[bytes]) -> Sequence[Listed | None]:
        """What the test put into the cloud."""
        self._answer()
        self.looked_up += paths
        return [self.cloud.get(path) for path in paths]

    def _answer(self) -> None:
        if self.silent:
            raise CannotAsk(because(Code.CONFIRM_UNREACHABLE, rc="http://x:1", message="Connection refused"))
