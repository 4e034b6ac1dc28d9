"""English sentences and hints for what the doctor found, by code."""

from collections.abc import Mapping
from typing import Final

from cgwire.text.values import Template

_KEEP: Final = "; to keep it, write the line fs.inotify.{key} = {wanted} to /etc/sysctl.d/60-cloudgather.conf"
_AS_OWNER: Final = "if it is {owner} who runs the daemon, examine as that user: runuser -u {owner} -- cloudgatherd …"
_RSLAVE: Final = (
    "give the container the folder above it with the host's mounts: "
    "-v /CloudDrive:/CloudDrive:rslave, and start it again"
)

SENTENCES: Final[Mapping[str, Template]] = {
    "doctor.config": "{file} and its tasks are right; {tasks:n|task|tasks}, {targets:n|target|targets}",
    "doctor.no-tasks": ("no task is configured", " in {folder}"),
    "doctor.problem": "{where}: {cause:reason}",
    "doctor.folder": ("{folder} can be used", (" ({fs_type}", ", {device}", ")")),
    "doctor.folder-none": ("{folder} is not there yet; it can be made", " in {at}"),
    "doctor.folder-denied": (
        "{folder} cannot be used",
        " by {user}",
        (": {at} belongs to {owner}", ":{group}", " with mode {mode:mode}"),
    ),
    "doctor.folder-read-only": "{folder} is on a file system that is mounted read-only",
    "doctor.folder-occupied": "{folder} is not a folder",
    "doctor.folder-remote": "{folder} is on a network or FUSE file system ({fs_type}), which may stop answering",
    "doctor.folder-error": ("{folder} cannot be looked at", ": {message}"),
    "doctor.state-remote": (
        "{folder} is on a network or FUSE file system ({fs_type}), where a database is not safe and may hang"
    ),
    "doctor.state-volatile": "{folder} does not last: it is on {fs_type}, and what was uploaded would be forgotten",
    "doctor.state-owner": "{folder} belongs to {owner}, and this examination runs as {user}",
    "doctor.space": ("{free:size} free for the database", " of {total:size}", ", {folder}"),
    "doctor.space-low": ("only {free:size} free for the database", " of {total:size}", ", {folder}"),
    "doctor.database": ("{file} is sound", " ({size:size})", "; the daemon with pid {pid} uses it"),
    "doctor.database-none": "{file} is not there yet; it will be made",
    "doctor.database-old": "{file} is of an earlier release; it will be backed up and brought up to date",
    "doctor.database-large": (
        "{file} can be read",
        " ({size:size})",
        "; it is too large to be checked as a whole in {seconds:span}",
        "; the daemon with pid {pid} uses it",
    ),
    "doctor.database-unknown": ("{file} could not be checked", ": {message}"),
    "doctor.socket": ("the daemon answers at {socket}", (" (pid {pid}", ", version {version}", ")")),
    "doctor.socket-version": "the daemon at {socket} is of version {version}, this program of {here}",
    "doctor.socket-free": "no daemon runs; one could listen at {socket}",
    "doctor.socket-stale": "no daemon runs; {socket} is left over, and the next one replaces it",
    "doctor.socket-mute": ("the daemon at {socket} does not answer", " within {seconds:span}"),
    "doctor.socket-denied": ("{socket} may not be reached", " by {user}"),
    "doctor.socket-occupied": "{socket} is not a socket",
    "doctor.socket-folder": ("the folder of the socket, {folder}, is not there, and cannot be made", " by {user}"),
    "doctor.socket-error": ("{socket} cannot be used", ": {message}"),
    "doctor.source": (
        "{source} can be read",
        (" ({fs_type}", ", owner {owner}", ", mode {mode:mode}", ", {directories:n|folder|folders}", ")"),
        "; counting stopped after {stopped:span}",
        ("; {free:size} free", " of {total:size}"),
    ),
    "doctor.source-denied": (
        "{source} cannot be read",
        " by {user}",
        (": {at} belongs to {owner}", ":{group}", " with mode {mode:mode}"),
    ),
    "doctor.source-parts": (
        "in {source}, {count:n|folder|folders} cannot be read",
        " by {user}",
        "; one of them is {example}",
    ),
    "doctor.source-dead": "the program behind the mount of {source} has gone (transport endpoint is not connected)",
    "doctor.source-private": (
        "{source} is on a FUSE mount that lets nobody else in",
        ": it belongs to {owner}",
        ", not to {user}",
    ),
    "doctor.lease": ("the kernel tells who still writes a file", " ({fs_type})"),
    "doctor.lease-untried": (
        "the kernel should tell who still writes a file",
        " ({fs_type})",
        "; there is no file yet to try it on",
    ),
    "doctor.lease-unknown": ("this file system does not tell who still writes a file", " ({fs_type})"),
    "doctor.lease-refused": ("the kernel does not tell {user} who still writes a file of others", ", such as {path}"),
    "doctor.watch": (
        "{directories:n|folder|folders} to watch",
        " (counting stopped after {stopped:span})",
        " of {limit} that the kernel allows",
    ),
    "doctor.watch-limit": (
        "{directories:n|folder|folders} to watch",
        " (counting stopped after {stopped:span})",
        ", and the kernel allows {limit}",
    ),
    "doctor.instances": ("inotify can be used", " (the kernel allows {limit} instances)"),
    "doctor.instances-limit": ("the kernel allows no more inotify instances", " ({limit} in all)"),
    "doctor.queue": ("the kernel keeps enough events", " ({limit})"),
    "doctor.queue-short": "the kernel keeps only {limit} events; a burst of files is then found by a scan",
    "doctor.target": (
        "{root} is there",
        (" ({fs_type}", " {source}", ", owner {owner}", ")"),
        ("; {free:size} free", " of {total:size}"),
    ),
    "doctor.target-full": ("only {free:size} free at {root}", " of {total:size}"),
    "doctor.target-denied": (
        "{root} cannot be written",
        " by {user}",
        (": it belongs to {owner}", ":{group}", " with mode {mode:mode}"),
    ),
    "doctor.target-unguarded": (
        '{root} is a mount ({fs_type}), but kind = "directory" expects none: while it is not mounted, '
        "files would go to the disk below"
    ),
    "doctor.target-bound": (
        "no cloud drive is mounted at {root}",
        " (found: {found:word})",
        ": this container was given the mount point itself, before or without what is mounted there",
    ),
    "doctor.target-pinned": (
        "the drive at {root} ({fs_type}) is there, but mounted again on the host it will not be seen here: "
        "this container was given the mount point itself, or without rslave"
    ),
    "doctor.clock": "the clock shows {now:clock}",
    "doctor.clock-synchronised": "the clock is synchronised; it shows {now:clock}",
    "doctor.clock-wrong": "the clock is wrong: it shows the year {year}",
    "doctor.clock-jumps": "the clock was set by {seconds:span} just now",
    "doctor.clock-behind": "the clock is behind: files were written {seconds:span} later than now",
    "doctor.clock-alone": ("the clock is not synchronised", "; it shows {now:clock}"),
    "doctor.zone": ("{zone}", ", where it is {shown}"),
    "doctor.zone-unknown": "the system names no time zone; schedules are in UTC",
    "doctor.zone-differs": "schedules are in {zone}, where it is {meant}, but the system's clock shows {shown}",
    "doctor.msgpack": ("its compiled part is there", " (version {version})"),
    "doctor.msgpack-slow": "its compiled part is missing, and large messages take very long without it",
    "doctor.user": (
        "examined as {user}",
        (" (uid {uid}", ", groups {groups:list}", ", umask {umask:mode}", ")"),
    ),
    "doctor.no-proc": "/proc is not mounted; without it nothing here can work",
    "doctor.unfinished": ("no answer", " within {seconds:span}"),
}

HINTS: Final[Mapping[str, Template]] = {
    "doctor.no-tasks": "cgctl task add",
    "doctor.problem": ("correct it", ", {file}"),
    "doctor.folder-denied": ("{command}", f"; {_AS_OWNER}"),
    "doctor.folder-read-only": "mount it read-write, or name another folder in cloudgather.toml",
    "doctor.folder-occupied": "move it away, or name another folder in cloudgather.toml",
    "doctor.folder-remote": "choose a folder on a local disk",
    "doctor.folder-error": "look at the disk: dmesg",
    "doctor.state-remote": "set state_dir to a folder on a local disk",
    "doctor.state-volatile": "set state_dir to a folder on a disk; in a container, give it a volume",
    "doctor.state-owner": (
        "run the daemon and this as the same user: runuser -u {owner} -- cloudgatherd …",
        "; what {user} makes there, {owner} could not write",
    ),
    "doctor.space-low": "free space on that disk; the queue stops while it is full, and nothing is lost",
    "doctor.database-unknown": "examine as the daemon's user, or let the daemon do it: cgctl doctor",
    "doctor.socket-version": "restart the daemon",
    "doctor.socket-mute": "cgctl status; if that hangs, too: systemctl restart cloudgather",
    "doctor.socket-denied": "let {user} enter the folder of the socket",
    "doctor.socket-occupied": "move it away, or name another socket in cloudgather.toml",
    "doctor.socket-folder": "systemd makes it when it starts the daemon; without systemd: mkdir {folder}",
    "doctor.socket-error": "name another socket in cloudgather.toml",
    "doctor.source-denied": "sudo {command}",
    "doctor.source-parts": "sudo setfacl -R -m u:{user}:rX {source}",
    "doctor.source-dead": "start the mount program again (rclone, CloudDrive, …), after `umount -l` if it asks for it",
    "doctor.source-private": (
        "mount it with allow_other (user_allow_other in /etc/fuse.conf)",
        ", or run the daemon as {owner}: sudo cgctl setup",
    ),
    "doctor.lease-unknown": "nothing needs to be done: files wait until they were quiet for two minutes at least",
    "doctor.lease-refused": (
        "run the daemon as the owner of the files, or give it CAP_LEASE (the unit file does); "
        "until then files wait until they were quiet for two minutes at least"
    ),
    "doctor.watch-limit": (
        "sudo sysctl fs.inotify.max_user_watches={wanted}",
        _KEEP.replace("{key}", "max_user_watches"),
        "; in a container, on its host; without it the folders are polled",
    ),
    "doctor.instances-limit": (
        "sudo sysctl fs.inotify.max_user_instances={wanted}",
        _KEEP.replace("{key}", "max_user_instances"),
        "; in a container, on its host; without it the folders are polled",
    ),
    "doctor.queue-short": (
        "sudo sysctl fs.inotify.max_queued_events={wanted}",
        _KEEP.replace("{key}", "max_queued_events"),
    ),
    "doctor.target-full": "free space there; uploads wait while it is full",
    "doctor.target-denied": "let {user} write there (owner, group or ACL); cgctl target test {target:arg} tries it",
    "doctor.target-unguarded": 'set kind = "mount" for the target',
    "doctor.target-bound": _RSLAVE,
    "doctor.target-pinned": _RSLAVE,
    "doctor.clock-wrong": "set the clock: timedatectl set-ntp true, or date -s",
    "doctor.clock-jumps": "see that only one program sets the clock",
    "doctor.clock-behind": "see whether the clock is right: date; timedatectl set-ntp true",
    "doctor.clock-alone": "timedatectl set-ntp true (or chrony); a wrong clock makes files wait for longer",
    "doctor.zone-unknown": 'set timezone in cloudgather.toml, as in "Asia/Shanghai"; in a container, TZ',
    "doctor.zone-differs": 'set timezone in cloudgather.toml, as in "Asia/Shanghai"; in a container, TZ',
    "doctor.msgpack-slow": "install msgpack from a wheel, or with a compiler; unset MSGPACK_PUREPYTHON",
    "doctor.no-proc": "mount -t proc proc /proc",
    "doctor.unfinished": "something that it needs does not answer: look at its disk or mount",
}
