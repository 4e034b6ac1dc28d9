"""Which operation answers which request, and the steps that every call goes through."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from cgwire import blob, daemon, download, downloader, events, history, path, queue, run, target, task
from cgwire.access import Access
from cgwire.codes import Code
from cgwire.reasons import because
from cgwire.request import Request
from cloudgather.control.parsing import Parser
from cloudgather.control.peers import Peers
from cloudgather.core.caller import Caller, Refused
from cloudgather.pipeline.events import Bus, Subscription
from cloudgather.ports.queue import StoreUnavailable
from cloudgather.ports.source import SourceUnavailable
from cloudgather.ports.target import TargetHeld

# async (request, caller) -> the reply's map; raises Refused
Operation = Callable[[Any, Caller], Awaitable[Mapping[str, Any] | Subscription]]

# Request -> the method of operations.Operations that answers it.
HANDLERS: Final[Mapping[type[Request], str]] = {
    daemon.Ping: "daemon_ping",
    daemon.Status: "daemon_status",
    daemon.Health: "daemon_health",
    daemon.Reload: "daemon_reload",
    daemon.Config: "daemon_config",
    daemon.Doctor: "daemon_doctor",
    daemon.Logs: "daemon_logs",
    events.Subscribe: "events_subscribe",  # of Handlers itself: the bus answers
    task.List: "task_list",
    task.Show: "task_show",
    task.Text: "task_text",
    task.Write: "task_write",
    task.Compose: "task_compose",
    task.Survey: "task_survey",
    task.Remove: "task_remove",
    task.Pause: "task_pause",
    task.Resume: "task_resume",
    task.Run: "task_run",
    task.Verify: "task_verify",
    task.Next: "task_next",
    path.Why: "path_why",
    path.Upload: "path_upload",
    queue.List: "queue_list",
    queue.Show: "queue_show",
    queue.Retry: "queue_retry",
    queue.Cancel: "queue_cancel",
    queue.First: "queue_first",
    queue.Clear: "queue_clear",
    queue.Pause: "queue_pause",
    queue.Resume: "queue_resume",
    target.List: "target_list",
    target.Show: "target_show",
    target.Test: "target_test",
    target.Accept: "target_accept",
    target.Pause: "target_pause",
    target.Resume: "target_resume",
    target.Limit: "target_limit",
    target.Mounts: "target_mounts",
    blob.Append: "blob_append",
    download.Add: "download_add",
    download.List: "download_list",
    download.Show: "download_show",
    download.Files: "download_files",
    download.Select: "download_select",
    download.Pause: "download_pause",
    download.Resume: "download_resume",
    download.Retry: "download_retry",
    download.Remove: "download_remove",
    downloader.List: "downloader_list",
    downloader.Show: "downloader_show",
    downloader.Test: "downloader_test",
    downloader.Detect: "downloader_detect",
    history.List: "history_list",
    run.List: "run_list",
    run.Show: "run_show",
}


class Handlers:
    """Answers calls: method looked up, caller's access checked, parameters parsed, operation done."""

    def __init__(self, *, operations: object, bus: Bus, peers: Peers) -> None:
        """`operations` has every method that HANDLERS names; AttributeError says which is missing."""
        self.peers = peers  # replaced when the configuration is loaded anew
        self._bus = bus
        self._entries: dict[str, tuple[type[Request], Parser, Operation]] = {}
        for request, name in HANDLERS.items():
            owner = self if request is events.Subscribe else operations
            self._entries[request.METHOD] = (request, Parser(request), getattr(owner, name))

    async def answer(self, method: str, params: Mapping[str, Any], caller: Caller) -> Mapping[str, Any] | Subscription:
        """The reply's map, or for events.subscribe the subscription. Whatever is raised but Refused is a bug."""
        if method not in self._entries:
            raise Refused(because(Code.ERROR_UNKNOWN_METHOD, method=method[:64]))
        request, parser, operation = self._entries[method]
        if caller.access < request.ACCESS:
            raise self._denied(caller, request.ACCESS)
        parsed = parser.parse(params)
        try:
            return await operation(parsed, caller)
        except StoreUnavailable as error:
            raise Refused(because(Code.ERROR_STORE, cause=error.reason.to_wire())) from error
        except TargetHeld as error:
            target = error.reason.facts.get("target")
            raise Refused(because(Code.ERROR_TARGET, target=target, cause=error.reason.to_wire())) from error
        except SourceUnavailable as error:
            raise Refused(error.reason) from error

    async def events_subscribe(self, request: events.Subscribe, caller: Caller) -> Subscription:
        """The bus's subscription; the connection reads it."""
        for kind in request.kinds:
            if kind not in events.KINDS:
                message = f"{request.METHOD}: {kind[:64]!r} is no kind; there are {', '.join(events.KINDS)}"
                raise Refused(because(Code.ERROR_BAD_REQUEST, message=message))
        return self._bus.subscribe(frozenset(request.kinds) or None, request.task)

    def _denied(self, caller: Caller, needed: Access) -> Refused:
        return Refused(
            because(
                Code.ERROR_DENIED,
                needed=needed.name.lower(),
                access=caller.access.name.lower(),
                user=caller.user,
                group=self.peers.group_for(needed),
            )
        )
