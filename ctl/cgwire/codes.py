"""Every reason code there is, by what it is about; the sentences are in cgwire.text."""

from enum import StrEnum


class Code(StrEnum):
    """`wait.*` is not settled yet, `held.*` waits in the queue, `skip.*` never goes, `fail.*` went wrong."""

    # A file that is not settled yet. `until`: epoch seconds at which it may be, where that is known.
    WAIT_QUIET = "wait.quiet"  # since, left, needed (seconds)
    WAIT_WRITER = "wait.writer"  # writers: list of [pid, name]
    WAIT_PARTIAL_NAME = "wait.partial-name"  # pattern
    WAIT_CONTROL_FILE = "wait.control-file"  # file
    WAIT_UNIT = "wait.unit"  # unit, blocker, blockers (count)
    WAIT_DOWNLOADER = "wait.downloader"  # kind, downloader, item (its id), state, progress (0 to 1)
    WAIT_DOWNLOADER_SIZE = "wait.downloader-size"  # downloader, expected, found: complete, and another size on disk
    WAIT_DOWNLOADER_GONE = "wait.downloader-gone"  # downloader: it had it, not complete, and lists it no more
    WAIT_DOWNLOADER_SILENT = "wait.downloader-silent"  # downloader (it cannot be asked), cause, until (next try)
    WAIT_DOWNLOAD = "wait.download"  # download (id), state, progress (0 to 1): it belongs to that
    WAIT_SCAN = "wait.scan"  # task, until (its next run): no scan has come there yet
    WAIT_ASKING = "wait.asking"  # downloaders (names): they have not all been asked since it changed
    WAIT_SOURCE = "wait.source"  # the source folder cannot be used now; cause
    WAIT_UNDER_WAY = "wait.under-way"  # what was known of it before is being uploaded; what is there now comes after
    WAIT_LISTING = "wait.listing"  # the target has not been asked yet whether it has the file; cause

    # A condition that is met, shown by `why`.
    MET_QUIET = "met.quiet"  # since, needed
    MET_NO_WRITER = "met.no-writer"
    MET_WRITER_UNKNOWN = "met.writer-unknown"  # cause: file-system, permission, error
    MET_NAME = "met.name"
    MET_UNIT = "met.unit"  # send
    MET_NO_DOWNLOADER = "met.no-downloader"
    MET_NO_CLAIM = "met.no-claim"  # downloaders (names): none of them has it
    MET_DOWNLOADER = "met.downloader-done"  # kind, downloader, item, state

    # A queued transfer that must wait.
    HELD_QUEUE_PAUSED = "held.queue-paused"
    HELD_TASK_PAUSED = "held.task-paused"  # task
    HELD_TASK_BROKEN = "held.task-broken"  # task: its file has errors
    HELD_TARGET_PAUSED = "held.target-paused"  # target
    HELD_TURN = "held.turn"  # ahead: how many go before it; absent: it is claimed, and waits for those before it
    HELD_RETRY = "held.retry"  # until, cause (a reason), attempt, attempts
    HELD_WINDOW = "held.window"  # until, window, whose (task or target)
    HELD_DAILY_LIMIT = "held.daily-limit"  # target, limit, spent (within 24 h), size (of the next), until where known
    HELD_METADATA = "held.metadata"  # target, per_second: it is claimed, and waits until the target may be asked again
    HELD_UNCONFIRMED = "held.unconfirmed"  # target, unconfirmed, limit: so much is to be uploaded by rclone first
    HELD_MIN_FREE = "held.min-free"  # target, folder, free, min_free: the disk with the mount's cache fills up
    HELD_CACHE_UNKNOWN = "held.cache-unknown"  # target, folder, message: that disk cannot be looked at
    HELD_NOT_MOUNTED = "held.not-mounted"  # target, root, expected (mount point), found (fs type) or absent
    HELD_NEVER_MOUNTED = "held.never-mounted"  # target, root, found: no cloud mount was ever seen there
    HELD_OTHER_MOUNT = "held.other-mount"  # target, expected, found: another file system is mounted there
    HELD_MOUNT_DEAD = "held.mount-dead"  # target: ENOTCONN, the program behind the mount has gone
    HELD_MOUNT_DENIED = "held.mount-denied"  # target, owner: FUSE mount of another user without allow_other
    HELD_READ_ONLY = "held.read-only"  # target
    HELD_ROOT_GONE = "held.root-gone"  # target, root
    HELD_BASE_GONE = "held.base-gone"  # target, task, folder: was there, is not now
    HELD_BREAKER = "held.breaker"  # target, until, cause
    HELD_STALLED = "held.stalled"  # target, step, seconds
    HELD_UNREAPED = "held.unreaped"  # target, agents: processes that the kernel will not let die
    HELD_FULL = "held.full"  # target
    HELD_STATE_FULL = "held.state-full"  # file
    HELD_STATE_BROKEN = "held.state-broken"  # file, message
    HELD_SOURCE = "held.source"  # cause: the source folder cannot be used now
    HELD_NAME_CLASH = "held.name-clash"  # other (task and path that has the same place), until (looked at again)
    HELD_SAME_FILE = "held.same-file"  # task (another one, that is sending this very file there), until
    HELD_STOPPING = "held.stopping"  # the daemon is shutting down

    # A source folder that cannot be used, and a watch that does not work as it should.
    SOURCE_GONE = "source.gone"  # source
    SOURCE_DENIED = "source.denied"  # source, user; at (what is closed), owner, group, mode, command (that opens it)
    SOURCE_NOT_A_FOLDER = "source.not-a-folder"  # source
    SOURCE_STALLED = "source.stalled"  # source, seconds
    SOURCE_ERROR = "source.error"  # source, message
    WATCH_LIMIT = "watch.limit"  # source, limit, directories: max_user_watches reached; polling instead
    WATCH_INSTANCES = "watch.instances"  # limit: max_user_instances reached; polling instead
    WATCH_REMOTE = "watch.remote"  # source, fs_type: gives no events; polling instead
    WATCH_BROKEN = "watch.broken"  # message

    # A downloader that cannot be asked, or will not do something. All but the first with `downloader` and `url`.
    DOWNLOADER_NO_CLIENT = "downloader.no-client"  # aiohttp is not installed: none can be asked
    DOWNLOADER_STARTING = "downloader.starting"  # it has not been asked yet
    DOWNLOADER_UNREACHABLE = "downloader.unreachable"  # message
    DOWNLOADER_FOREIGN = "downloader.foreign"  # message: what answers is something else, or not as it should
    DOWNLOADER_PASSWORD = "downloader.password"  # user: refused; not shown again before the configuration changes
    DOWNLOADER_BANNED = "downloader.banned"  # it lets this address in no more for an hour
    DOWNLOADER_HOST = "downloader.host"  # it refuses the name or port that it is called by
    DOWNLOADER_SECRET_FILE = "downloader.secret-file"  # file, message
    DOWNLOADER_OLD = "downloader.old"  # version, needed
    DOWNLOADER_REQUEST = "downloader.request"  # size, limit: torrent and trackers make a request that is too large
    DOWNLOADER_REFUSED = "downloader.refused"  # message: its own words
    DOWNLOADER_ANSWERS = "downloader.answers"  # seconds
    DOWNLOADER_FOLDER = "downloader.folder"  # folder (as it names it), here (as it is found here)
    DOWNLOADER_NO_FOLDER = "downloader.no-folder"  # folder, here: not there; suggestion (a folder here)
    DOWNLOADER_OTHER_FOLDER = "downloader.other-folder"  # folder, here: what it has completed is not in it; suggestion
    DOWNLOADER_READ_ONLY = "downloader.read-only"  # of its kind downloaders are asked, and told nothing

    # The log.
    LOG_DROPPED = "log.dropped"  # message, lines: it cannot be written now, and so many lines are lost

    # A file that does not go.
    SKIP_NO_TASK = "skip.no-task"  # path
    SKIP_JUNK = "skip.junk"  # name
    SKIP_FILTER_EXTENSION = "skip.filter.extension"  # extension, allowed
    SKIP_FILTER_EXCLUDE = "skip.filter.exclude"  # pattern
    SKIP_UNCHOSEN = "skip.unchosen"  # download: it is not among the files that this one uploads
    SKIP_FILTER_INCLUDE = "skip.filter.include"
    SKIP_FILTER_DIRECTORY = "skip.filter.directory"  # pattern
    SKIP_FILTER_SMALL = "skip.filter.small"  # size, min_size
    SKIP_FILTER_LARGE = "skip.filter.large"  # size, max_size
    SKIP_SYMLINK = "skip.symlink"
    SKIP_SPECIAL = "skip.special"
    SKIP_DENIED = "skip.denied"
    SKIP_DIRECTORY = "skip.directory"
    SKIP_GONE = "skip.gone"
    SKIP_DOWNLOAD = "skip.download"  # download: it lies in the folder that was made for that
    SKIP_UNWANTED = "skip.unwanted"  # downloader: a file of a torrent that nobody chose
    SKIP_SENT = "skip.sent"  # at, target, destination, strength: this version was sent
    SKIP_ADOPTED = "skip.adopted"  # the target has it already (same size)
    SKIP_DIFFERS = "skip.differs"  # size, target_size: the target has another file of this name; no rule replaces it
    SKIP_IGNORED = "skip.ignored"  # was there before the task
    SKIP_NO_RULE = "skip.no-rule"  # rules: none matches
    SKIP_FAILED = "skip.failed"  # transfer, at: this version failed; retry or change it
    SKIP_CANCELLED = "skip.cancelled"  # transfer, at

    # Why a file goes.
    GO_MISSING = "go.missing"
    GO_CHANGED = "go.changed"  # size, mtime, sent_size, sent_mtime
    GO_SIZE = "go.size"  # size, target_size
    GO_NEWER = "go.newer"  # mtime, target_mtime
    GO_OVERWRITE = "go.overwrite"  # everything again, by order
    GO_RESEND = "go.resend"  # the ledger has it and the target no longer shows it

    # What went wrong with an attempt. All with `step` and `message`.
    FAIL_IO = "fail.io"  # errno
    FAIL_TIMEOUT = "fail.timeout"  # seconds
    FAIL_AGENT = "fail.agent"
    FAIL_FULL = "fail.full"  # ENOSPC, EDQUOT
    FAIL_DENIED = "fail.denied"  # EACCES, EPERM
    FAIL_READ_ONLY = "fail.read-only"
    FAIL_MOUNT = "fail.mount"  # ENOTCONN, ESTALE, ENODEV
    FAIL_NAME = "fail.name"  # ENAMETOOLONG, EILSEQ, EINVAL at create: the target cannot take this name
    FAIL_TOO_LARGE = "fail.too-large"  # EFBIG
    FAIL_LENGTH = "fail.length"  # expected, found: the target stored another length
    FAIL_DIGEST = "fail.digest"
    FAIL_SOURCE_READ = "fail.source-read"  # errno
    FAIL_SOURCE_DENIED = "fail.source-denied"  # owner, mode
    FAIL_OCCUPIED = "fail.occupied"  # a folder stands where the file should go, or a file where a folder should
    FAIL_UNCONFIRMED = "fail.unconfirmed"  # the target did not show it in time, or cannot be asked about it
    FAIL_RCLONE = "fail.rclone"  # tries: rclone could not upload it; message: its own error
    FAIL_INTERNAL = "fail.internal"  # a bug; see the log
    RETRY_CHANGED = "retry.changed"  # the source changed while it was copied
    RETRY_INTERRUPTED = "retry.interrupted"  # the daemon or its agent was stopped
    RETRY_OPERATOR = "retry.operator"  # by (user name): history has it
    RETRY_LOST = "retry.lost"  # rclone has nothing left to upload for it, and the cloud does not have it; message
    RETRY_UNPUBLISHED = "retry.unpublished"  # after a crash neither the temporary nor the published file was there

    # A written transfer that its target has not confirmed yet.
    CONFIRM_NOT_SEEN = "confirm.not-seen"  # size, target_size (where one is shown), cause (where looking fails)
    CONFIRM_UPLOADING = "confirm.uploading"  # rclone has yet to upload it; tries (that failed), message
    CONFIRM_BUSY = "confirm.busy"  # files: rclone has yet to upload so many, and cannot tell which
    CONFIRM_CHECKING = "confirm.checking"  # rclone has uploaded it; the cloud is being asked
    CONFIRM_NOT_SHOWN = "confirm.not-shown"  # rclone has uploaded it; size, target_size (where the cloud shows one)
    CONFIRM_UNREACHABLE = "confirm.unreachable"  # rc, message: rclone cannot be asked
    CONFIRM_OTHER_MOUNT = "confirm.other-mount"  # rc, expected, found: rclone does not serve this mount

    # How it ended otherwise.
    DONE_WRITTEN = "done.written"
    DONE_SEEN = "done.seen"
    DONE_STORED = "done.stored"
    DONE_UNCONFIRMED = "done.unconfirmed"  # confirm = "none"
    CANCELLED_OPERATOR = "cancelled.operator"  # by (user name)
    CANCELLED_TASK_REMOVED = "cancelled.task-removed"
    CANCELLED_STANDING = "cancelled.standing"  # size, target_size: found at the target on the way
    GONE_SOURCE = "gone.source"

    # A state directory that the daemon cannot start on.
    STATE_LOCKED = "state.locked"  # file, pid: another daemon uses it
    STATE_FOREIGN = "state.foreign"  # file: a database of another program, or no database
    STATE_CORRUPT = "state.corrupt"  # file, copy, message
    STATE_NEWER = "state.newer"  # file, copy, found, known: made by a later release
    STATE_UNUSABLE = "state.unusable"  # file, message: cannot be opened, made or brought up to date

    # What the doctor found. Whether that is well or bad stands beside it.
    DOCTOR_CONFIG = "doctor.config"  # file, tasks, targets (counts)
    DOCTOR_NO_TASKS = "doctor.no-tasks"  # file, folder
    DOCTOR_PROBLEM = "doctor.problem"  # problem (one line, English), where, cause, kind, file, line, table, key
    DOCTOR_FOLDER = "doctor.folder"  # folder, fs_type, device
    DOCTOR_FOLDER_NONE = "doctor.folder-none"  # folder, at: will be made there
    DOCTOR_FOLDER_DENIED = "doctor.folder-denied"  # folder, at, user, owner, group, mode, command
    DOCTOR_FOLDER_READ_ONLY = "doctor.folder-read-only"  # folder
    DOCTOR_FOLDER_OCCUPIED = "doctor.folder-occupied"  # folder: is something else
    DOCTOR_FOLDER_REMOTE = "doctor.folder-remote"  # folder, fs_type
    DOCTOR_FOLDER_ERROR = "doctor.folder-error"  # folder, message
    DOCTOR_STATE_REMOTE = "doctor.state-remote"  # folder, fs_type
    DOCTOR_STATE_VOLATILE = "doctor.state-volatile"  # folder, fs_type: gone after a reboot
    DOCTOR_STATE_OWNER = "doctor.state-owner"  # folder, owner, user
    DOCTOR_SPACE = "doctor.space"  # folder, free, total
    DOCTOR_SPACE_LOW = "doctor.space-low"  # folder, free, total
    DOCTOR_DATABASE = "doctor.database"  # file, schema, size, pid (of the daemon that uses it)
    DOCTOR_DATABASE_NONE = "doctor.database-none"  # file
    DOCTOR_DATABASE_OLD = "doctor.database-old"  # file, schema, size, pid, known
    DOCTOR_DATABASE_LARGE = "doctor.database-large"  # file, schema, size, pid, seconds: not all of it was checked
    DOCTOR_DATABASE_UNKNOWN = "doctor.database-unknown"  # file, message
    DOCTOR_SOCKET = "doctor.socket"  # socket, pid, version
    DOCTOR_SOCKET_VERSION = "doctor.socket-version"  # socket, pid, version, here
    DOCTOR_SOCKET_FREE = "doctor.socket-free"  # socket: no daemon runs, one could
    DOCTOR_SOCKET_STALE = "doctor.socket-stale"  # socket: left over
    DOCTOR_SOCKET_MUTE = "doctor.socket-mute"  # socket, seconds
    DOCTOR_SOCKET_DENIED = "doctor.socket-denied"  # socket, user
    DOCTOR_SOCKET_OCCUPIED = "doctor.socket-occupied"  # socket: something else is there
    DOCTOR_SOCKET_FOLDER = "doctor.socket-folder"  # folder, user: is not there and cannot be made
    DOCTOR_SOCKET_ERROR = "doctor.socket-error"  # socket, message
    DOCTOR_SOURCE = "doctor.source"  # source, fs_type, owner, mode, directories, stopped, free, total
    DOCTOR_SOURCE_DENIED = "doctor.source-denied"  # source, at, user, owner, group, mode, command
    DOCTOR_SOURCE_PARTS = "doctor.source-parts"  # source, count, example, user: folders in it that cannot be read
    DOCTOR_SOURCE_DEAD = "doctor.source-dead"  # source, fs_type: ENOTCONN
    DOCTOR_SOURCE_PRIVATE = "doctor.source-private"  # source, fs_type, owner, user: FUSE without allow_other
    DOCTOR_LEASE = "doctor.lease"  # fs_type, path (that it was tried on)
    DOCTOR_LEASE_UNTRIED = "doctor.lease-untried"  # fs_type
    DOCTOR_LEASE_UNKNOWN = "doctor.lease-unknown"  # fs_type
    DOCTOR_LEASE_REFUSED = "doctor.lease-refused"  # path, user, cause
    DOCTOR_WATCH = "doctor.watch"  # directories, stopped (seconds after which counting was), limit
    DOCTOR_WATCH_LIMIT = "doctor.watch-limit"  # directories, stopped, limit, wanted
    DOCTOR_INSTANCES = "doctor.instances"  # limit, needed
    DOCTOR_INSTANCES_LIMIT = "doctor.instances-limit"  # limit, needed, wanted
    DOCTOR_QUEUE = "doctor.queue"  # limit
    DOCTOR_QUEUE_SHORT = "doctor.queue-short"  # limit, wanted
    DOCTOR_TARGET = "doctor.target"  # target, root, fs_type, source, owner, free, total
    DOCTOR_TARGET_FULL = "doctor.target-full"  # target, root, fs_type, free, total
    DOCTOR_TARGET_DENIED = "doctor.target-denied"  # target, root, fs_type, owner, group, mode, user
    DOCTOR_TARGET_UNGUARDED = "doctor.target-unguarded"  # target, root, fs_type: kind directory on a mount
    DOCTOR_TARGET_BOUND = "doctor.target-bound"  # target, root, found: a container's bind of an empty mount point
    DOCTOR_TARGET_PINNED = "doctor.target-pinned"  # target, root, fs_type: a container does not see it mounted again
    DOCTOR_CLOCK = "doctor.clock"  # now; whether it is synchronised is not known
    DOCTOR_CLOCK_SYNCHRONISED = "doctor.clock-synchronised"  # now
    DOCTOR_CLOCK_WRONG = "doctor.clock-wrong"  # now, year
    DOCTOR_CLOCK_JUMPS = "doctor.clock-jumps"  # seconds
    DOCTOR_CLOCK_BEHIND = "doctor.clock-behind"  # seconds: files of ours are from the future
    DOCTOR_CLOCK_ALONE = "doctor.clock-alone"  # now: not synchronised
    DOCTOR_ZONE = "doctor.zone"  # zone, shown (the time there)
    DOCTOR_ZONE_UNKNOWN = "doctor.zone-unknown"
    DOCTOR_ZONE_DIFFERS = "doctor.zone-differs"  # zone, meant (the time there), shown (by the system)
    DOCTOR_MSGPACK = "doctor.msgpack"  # version
    DOCTOR_MSGPACK_SLOW = "doctor.msgpack-slow"  # version
    DOCTOR_USER = "doctor.user"  # user, uid, groups, umask
    DOCTOR_NO_PROC = "doctor.no-proc"  # /proc is not mounted
    DOCTOR_UNFINISHED = "doctor.unfinished"  # seconds

    # A download that waits.
    HELD_DOWNLOAD_PAUSED = "held.download-paused"
    HELD_DOWNLOAD_STOPPED = "held.download-stopped"  # downloader: somebody has stopped it there
    HELD_DOWNLOAD_QUEUED = "held.download-queued"  # downloader: has it, and lets it wait for its turn
    HELD_DOWNLOAD_ACTIVE = "held.download-active"  # active, limit: of its owner's
    HELD_DOWNLOAD_SPACE = "held.download-space"  # folder, free, needed (by the running ones and this), min_free
    HELD_DOWNLOAD_FOLDER = "held.download-folder"  # folder, message: its disk cannot be looked at
    HELD_DOWNLOAD_FILES = "held.download-files"  # path, files: complete, says the downloader; not so here
    HELD_DOWNLOAD_SEEDING = "held.download-seeding"  # ratio, left (seconds at most)
    HELD_DOWNLOAD_BUSY = "held.download-busy"  # downloader, state: it is neither seeded there nor stopped
    HELD_DOWNLOAD_KEPT = "held.download-kept"  # until: then its data is removed
    HELD_DOWNLOAD_TASK = "held.download-task"  # task: sends from its folder, too, and is not done
    HELD_DOWNLOAD_SHARED = "held.download-shared"  # download (its id): its data is in the same folder
    HELD_DOWNLOAD_BESIDE = "held.download-beside"  # downloader, name: has something else in the same folder
    HELD_DOWNLOAD_LEAVING = "held.download-leaving"  # download (its id): has this torrent, and is being removed
    HELD_DOWNLOAD_BUG = "held.download-bug"  # message: an error of ours; it is tried again later
    HELD_DOWNLOAD_REMOVAL = "held.download-removal"  # path, message: its data cannot be removed

    # What has become of a download.
    DOWNLOAD_FAILED = "download.failed"  # downloader, message: its own words
    DOWNLOAD_STALLED = "download.stalled"  # seconds without a byte
    DOWNLOAD_TOO_LARGE = "download.too-large"  # size, limit (of its owner's groups)
    DOWNLOAD_LOST = "download.lost"  # the downloader does not know it any more
    DOWNLOAD_FOREIGN_GONE = "download.foreign-gone"  # downloader: had it before, and does not know it any more
    DOWNLOAD_FOREIGN_CHOICE = "download.foreign-choice"  # downloader: had it before; files: chosen here and not there
    DOWNLOAD_NO_SUCH_FILES = "download.no-such-files"  # largest (number that was chosen), files: so many there are
    DOWNLOAD_NOTHING = "download.nothing"  # the filter passes over all of its files; they stay here
    DOWNLOAD_UNSENT = "download.unsent"  # path, files: complete, but they are not at the target; cause
    DOWNLOAD_CLEARED = "download.cleared"  # uploaded, and its data removed
    DOWNLOAD_STAYS_FOREIGN = "download.stays-foreign"  # downloader: had it before; its data is left alone
    DOWNLOAD_STAYS_UNPROVEN = "download.stays-unproven"  # target: cannot prove that it has stored the files
    DOWNLOAD_STAYS_CHANGED = "download.stays-changed"  # path: is not what was uploaded any more
    DOWNLOAD_STAYS_BESIDE = "download.stays-beside"  # path, files: lie in its folder, are not of it, and not uploaded
    DOWNLOAD_STAYS_MORE = "download.stays-more"  # downloader, path, files: chosen there later on, and not uploaded

    # Why something cannot be downloaded.
    LINK_OTHER = "link.other"  # begins with none of magnet, http, https, ftp
    LINK_NO_HASH = "link.no-hash"  # a magnet link without the hash of a torrent
    LINK_NO_HOST = "link.no-host"
    LINK_SPACE = "link.space"  # a space or a control character in it
    LINK_TOO_LONG = "link.too-long"  # most (characters)
    LINK_MALFORMED = "link.malformed"  # the form of an address is broken, such as a port that is no number
    LINK_BAD_HOST = "link.bad-host"  # host: no host can have this name
    LINK_UNKNOWN_HOST = "link.unknown-host"  # host, message
    TORRENT_WEB_PAGE = "torrent.web-page"  # saved in its place
    TORRENT_OTHER = "torrent.other"  # something else
    TORRENT_CUT = "torrent.cut"  # ends before its end
    TORRENT_DAMAGED = "torrent.damaged"  # what it says cannot be understood, or cannot be
    TORRENT_TOO_LARGE = "torrent.too-large"  # most (bytes, of the torrent file itself)
    TORRENT_TOO_MUCH = "torrent.too-much"  # more values, or nested deeper, than any needs
    TORRENT_TOO_MANY_FILES = "torrent.too-many-files"  # most
    TORRENT_NO_FILES = "torrent.no-files"
    TORRENT_NO_HASHES = "torrent.no-hashes"  # of its pieces
    TORRENT_SAME_NAME = "torrent.same-name"  # two of its files have it
    TORRENT_BAD_NAME = "torrent.bad-name"  # name: leads out of its folder, or is none
    TORRENT_LONG_NAME = "torrent.long-name"  # most (bytes)
    PLACE_UP = "place.up"  # goes up with ..
    PLACE_NUL = "place.nul"  # a NUL character in it
    PLACE_TOO_LONG = "place.too-long"  # longer than a path can be

    # Why an option cannot be given to a single download: what its value must be, or why it is not taken at all.
    OPTION_NUMBER = "option.number"  # option, low, high
    OPTION_WHOLE = "option.whole"  # option, low, high: a whole number
    OPTION_SPEED = "option.speed"  # option
    OPTION_TRUTH = "option.truth"  # option: true or false
    OPTION_TEXT = "option.text"  # option: in one line
    OPTION_TRACKERS = "option.trackers"  # option: a list of their addresses
    OPTION_CHOICE = "option.choice"  # option, words (one text, by commas)
    OPTION_OURS = "option.ours"  # option: CloudGather sets it
    OPTION_PROGRAM = "option.program"  # option: of aria2 as a whole
    OPTION_UNKNOWN = "option.unknown"  # option, kind (of downloader), near (what may have been meant)
    OPTION_NOBODYS = "option.nobodys"  # option: no kind of downloader has it

    # Answers to a request.
    ERROR_DENIED = "error.denied"  # needed (access), user, group to join
    ERROR_UNKNOWN_METHOD = "error.unknown-method"  # method
    ERROR_BAD_REQUEST = "error.bad-request"  # message, or parameter and cause (flaw.*)
    ERROR_NO_SUCH_TASK = "error.no-such-task"  # task, near
    ERROR_NO_SUCH_TARGET = "error.no-such-target"  # target, near
    ERROR_NO_SUCH_DOWNLOADER = "error.no-such-downloader"  # downloader, near
    ERROR_NO_SUCH_TRANSFER = "error.no-such-transfer"  # id
    ERROR_NO_SUCH_RUN = "error.no-such-run"  # id
    ERROR_NOTHING_CHOSEN = "error.nothing-chosen"
    ERROR_TASK_EXISTS = "error.task-exists"  # task
    ERROR_CONFIG = "error.config"  # problems
    ERROR_OUTSIDE = "error.outside"  # path: in no task's source
    ERROR_RUNNING = "error.running"  # task: the scan of a task.run before is not over
    ERROR_TOO_LARGE = "error.too-large"  # most (bytes): the reply would be larger; ask for less at a time
    ERROR_STORE = "error.store"  # cause
    ERROR_TARGET = "error.target"  # target, cause
    ERROR_NO_SUCH_DOWNLOAD = "error.no-such-download"  # id
    ERROR_DOWNLOAD_THERE = "error.download-there"  # downloader, name: it has this torrent already
    ERROR_DOWNLOAD_STATE = "error.download-state"  # state, order: not possible in this state
    ERROR_DOWNLOAD_FOREIGN = "error.download-foreign"  # downloader: had it before, and keeps the files that it has
    ERROR_NO_FILES = "error.no-files"  # files of it cannot be chosen: it is an address of the web
    ERROR_PLACE = "error.place"  # target, or cause (place.*): not the way in which a place is written
    ERROR_LINK = "error.link"  # cause (link.*)
    ERROR_PRIVATE_ADDRESS = "error.private-address"  # host, address
    ERROR_TORRENT = "error.torrent"  # cause (torrent.*)
    ERROR_OPTION = "error.option"  # downloader, cause
    ERROR_NO_DOWNLOADER = "error.no-downloader"  # downloader (named), allowed (names), web: only aria2 would do
    ERROR_NO_DESTINATION = "error.no-destination"
    ERROR_CLOSED = "error.closed"  # message: why the daemon closed the connection
    ERROR_INTERNAL = "error.internal"
