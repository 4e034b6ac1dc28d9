"""What can be wrong with a configuration, for the sentences in cgwire.text; programs go by a problem's own code."""

from enum import StrEnum


class Flaw(StrEnum):
    """Each with its facts. `given` is what was written, `near` what may have been meant, `found` a kind of value."""

    # A file, or the folder of tasks.
    SYNTAX = "flaw.syntax"  # message: tomllib's
    TABLE_TWICE = "flaw.table-twice"  # table
    NESTED = "flaw.nested"
    SURROGATE = "flaw.surrogate"
    UNREADABLE = "flaw.unreadable"  # message
    TASKS_UNREADABLE = "flaw.tasks-unreadable"  # message
    NO_PLAIN_FILE = "flaw.no-plain-file"
    FILE_TOO_LARGE = "flaw.file-too-large"
    NOT_UTF8 = "flaw.not-utf8"
    FILE_NAME_NOT_UTF8 = "flaw.file-name-not-utf8"

    # A name.
    NAME = "flaw.name"  # name (where it is not shown otherwise), cause: one of the following
    NAME_EMPTY = "flaw.name-empty"
    NAME_BEGIN = "flaw.name-begin"  # char
    NAME_CHARACTER = "flaw.name-character"
    NAME_SPACE = "flaw.name-space"
    NAME_LONG = "flaw.name-long"
    NAME_FORM = "flaw.name-form"  # normal: how it would be right
    ALIKE = "flaw.alike"  # other
    TASKS_ALIKE = "flaw.tasks-alike"  # task, other

    # A key that is not known or missing, or a table that is none.
    UNKNOWN = "flaw.unknown"  # near, known
    INSTEAD = "flaw.instead"  # near: what this key is called here
    PAUSE_INSTEAD = "flaw.pause-instead"
    CONFIRM_INSTEAD = "flaw.confirm-instead"
    LATER = "flaw.later"
    OF_TASKS = "flaw.of-tasks"
    OF_TARGET = "flaw.of-target"  # near: its name there, where it has another
    OF_FILTER = "flaw.of-filter"
    NAME_NEEDLESS = "flaw.name-needless"
    SECRET_IN_FILE = "flaw.secret-in-file"  # near: the key that names a file
    MISSING = "flaw.missing"  # key, example
    MISSING_BESIDE = "flaw.missing-beside"  # other: the key that needs it
    NO_TABLE = "flaw.no-table"  # table

    # A value of another kind.
    NOT_TEXT = "flaw.not-text"  # found
    NOT_BOOLEAN = "flaw.not-boolean"  # found
    NOT_WHOLE = "flaw.not-whole"  # found, low, high
    NOT_LIST = "flaw.not-list"  # found
    NOT_FOLDERS = "flaw.not-folders"  # found
    NOT_PATH_MAP = "flaw.not-path-map"  # found
    NOT_OPTIONS = "flaw.not-options"  # found
    NOT_ONE_OF = "flaw.not-one-of"  # found, allowed

    # A value.
    OTHER = "flaw.other"  # message: of whoever could not read it
    EMPTY = "flaw.empty"
    RANGE = "flaw.range"  # given, low, high
    CHOICE = "flaw.choice"  # given, near, allowed
    RCLONE_OF_MOUNT = "flaw.rclone-of-mount"  # given, allowed
    STORED_OF_DISK = "flaw.stored-of-disk"  # given, allowed
    ZONE = "flaw.zone"  # given, near
    WINDOW = "flaw.window"  # given
    WINDOW_EMPTY = "flaw.window-empty"  # given
    SPAN = "flaw.span"  # given
    SPAN_BARE = "flaw.span-bare"  # given
    SPAN_RANGE = "flaw.span-range"  # given, low, high
    OR_AUTO = "flaw.or-auto"  # cause
    SIZE = "flaw.size"  # given
    SIZE_NUMBER = "flaw.size-number"
    TOO_LITTLE = "flaw.too-little"  # least
    RATE = "flaw.rate"  # given
    RATE_LITTLE = "flaw.rate-little"  # given
    FREQUENCY = "flaw.frequency"
    MODE = "flaw.mode"  # example
    RATIO = "flaw.ratio"
    TIMETABLE = "flaw.timetable"  # given
    TIMETABLE_KIND = "flaw.timetable-kind"  # found
    TIMETABLE_EMPTY = "flaw.timetable-empty"
    TIMETABLE_TWICE = "flaw.timetable-twice"  # at
    RULES_EMPTY = "flaw.rules-empty"  # allowed
    PRESET = "flaw.preset"  # given, allowed
    PATTERN = "flaw.pattern"
    PATTERN_NEGATED = "flaw.pattern-negated"  # given
    PATTERN_EMPTY = "flaw.pattern-empty"  # given
    EXTENSION = "flaw.extension"  # given

    # A path, or an address.
    TILDE = "flaw.tilde"  # given
    RELATIVE = "flaw.relative"  # given
    PATH_NUL = "flaw.path-nul"
    PATH_UP = "flaw.path-up"  # given
    PATH_LONG = "flaw.path-long"
    SOCKET_LONG = "flaw.socket-long"
    SECRET_EMPTY = "flaw.secret-empty"  # given
    ADDRESS = "flaw.address"  # given
    ADDRESS_OF_RCLONE = "flaw.address-of-rclone"  # given
    ADDRESS_WITH_USER = "flaw.address-with-user"  # user_key, password_key: where they belong
    COLON_IN_USER = "flaw.colon-in-user"  # given
    TRACKER = "flaw.tracker"  # given
    TRACKER_ALONE = "flaw.tracker-alone"  # given

    # A target or downloader that is named.
    ABSENT = "flaw.absent"  # kind, given, near, there: one of the following
    KNOWN = "flaw.known"  # known
    NONE_KNOWN = "flaw.none-known"
    OR_PATH = "flaw.or-path"  # cause
    NO_PLACE = "flaw.no-place"  # given, there
    COLON_MISSING = "flaw.colon-missing"  # given
    TARGET_MISSING = "flaw.target-missing"  # given

    # Things that cannot be together.
    RCLONE_ONLY = "flaw.rclone-only"
    RCLONE_CLIENT = "flaw.rclone-client"
    CLIENT = "flaw.client"
    ROOT_TAKEN = "flaw.root-taken"  # other
    URL_TAKEN = "flaw.url-taken"  # other
    ON_REQUEST = "flaw.on-request"
    NOT_OF_KIND = "flaw.not-of-kind"  # kind
    API_KEY = "flaw.api-key"
    OPTIONS = "flaw.options"  # cause: an option.*
    SLOW_STORAGE = "flaw.slow-storage"  # profile
    RETRY_MOST = "flaw.retry-most"
    EVERY = "flaw.every"
    EXTENSIONS = "flaw.extensions"
    MAX_SIZE = "flaw.max-size"  # least
    SOURCE_IS_TARGET = "flaw.source-is-target"
    SOURCE_IN_TARGET = "flaw.source-in-target"
    TARGET_IN_SOURCE = "flaw.target-in-source"
    RING = "flaw.ring"  # ring: the tasks, from one back to itself

    # A cron expression. `field`: minute and so on; `item`: the part of it that is meant.
    CRON_FIELDS = "flaw.cron-fields"  # count
    CRON_ONE_FIELD = "flaw.cron-one-field"
    CRON_SECONDS = "flaw.cron-seconds"  # count
    CRON_ALIAS = "flaw.cron-alias"  # given, near or known
    CRON_EVERY = "flaw.cron-every"
    CRON_REBOOT = "flaw.cron-reboot"
    CRON_VALUE = "flaw.cron-value"  # field, item, low, high, names
    CRON_STEP = "flaw.cron-step"  # field, item
    CRON_STEP_LARGE = "flaw.cron-step-large"  # field, item, size
    CRON_BACKWARDS = "flaw.cron-backwards"  # field, item
    CRON_H_BACKWARDS = "flaw.cron-h-backwards"  # field, item
    CRON_RANDOM = "flaw.cron-random"  # field
    CRON_FOREIGN = "flaw.cron-foreign"  # field, item
    CRON_NEVER = "flaw.cron-never"  # given
