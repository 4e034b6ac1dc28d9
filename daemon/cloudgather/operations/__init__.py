"""What an operator may ask for, whichever door the wish came through."""

from cloudgather.operations.daemon import DaemonOperations
from cloudgather.operations.downloaders import DownloaderOperations
from cloudgather.operations.downloads import DownloadOperations
from cloudgather.operations.explain import PathOperations
from cloudgather.operations.queue import QueueOperations
from cloudgather.operations.requesting import DownloadRequests
from cloudgather.operations.targets import TargetOperations
from cloudgather.operations.tasks import TaskOperations


class Operations(
    DaemonOperations,
    TaskOperations,
    QueueOperations,
    TargetOperations,
    PathOperations,
    DownloadRequests,
    DownloadOperations,
    DownloaderOperations,
):
    """One method a request, named after it; all work on one World."""
