"""English sentences and hints about downloads and downloaders, by code."""

from collections.abc import Mapping
from typing import Final

from cgwire.text.values import Template

SENTENCES: Final[Mapping[str, Template]] = {
    "wait.downloader": ("{kind:word} {downloader}", ": {progress:percent}", ", {state:word}"),
    "wait.downloader-size": (
        "the downloader {downloader} says that it is complete, and it has another size on disk",
        (" (expected {expected:size}", ", found {found:size}", ")"),
    ),
    "wait.downloader-gone": "the downloader {downloader} had it, not complete, and does not list it any more",
    "wait.downloader-silent": (
        "the downloader {downloader} cannot be asked whether it is complete",
        ": {cause:reason}",
        "; the next try is at {until:clock}",
    ),
    "wait.asking": ("downloader: not asked yet since it changed last", " (to be asked: {downloaders:list})"),
    "wait.download": ("download {download}", ": {progress:percent}", ", {state:word}"),
    "met.no-downloader": "downloader: none is configured, so completeness is a guess from the signs here",
    "met.no-claim": ("downloader: none claims it", " (asked: {downloaders:list})"),
    "met.downloader-done": ("{kind:word} {downloader}: it is complete", " ({state:word})"),
    "downloader.no-client": "aiohttp is not installed, and without it no downloader can be asked",
    "downloader.starting": "it has not been asked yet",
    "downloader.unreachable": ("it does not answer", " at {url}", ": {message}"),
    "downloader.foreign": ("what answers is not as expected", " at {url}", ": {message}"),
    "downloader.password": ("it refuses the name and password, or the secret", " (user {user})"),
    "downloader.banned": "it has banned this machine after too many wrong passwords",
    "downloader.host": ("it refuses the name or port that it is called by", ": {url}"),
    "downloader.secret-file": ("its secret cannot be read", " from {file}", ": {message}"),
    "downloader.old": ("its version is too old", ": {version}", ", needed is {needed}"),
    "downloader.request": (
        "the torrent file with its trackers is larger than what the downloader {downloader} takes",
        (" (a request of", " {size:size}", ", it takes {limit:size}", ")"),
    ),
    "downloader.refused": ("the downloader {downloader} refuses that", ": {message}"),
    "downloader.answers": ("it answers and lets us in", " (within {seconds:span})"),
    "downloader.folder": ("its folder {folder}", " is found here as {here}"),
    "downloader.no-folder": ("its folder {folder}", " is not here", ": there is no {here}"),
    "downloader.other-folder": ("what it has completed in its folder {folder}", " is not in {here}", " here"),
    "downloader.read-only": "the downloader {downloader} is only asked; downloads cannot be given to it",
    "skip.download": "it lies in the folder of download {download}, which uploads it by itself",
    "skip.unchosen": "it is not among the files that its download brings to the target",
    "skip.unwanted": "nobody chose this file of the torrent in the downloader {downloader}",
    "held.download-paused": "it is paused",
    "held.download-stopped": "it is stopped in {downloader}",
    "held.download-queued": "{downloader} lets it wait for its turn",
    "held.download-active": ("its owner has as many downloads running as allowed", " ({active} of {limit})"),
    "held.download-space": (
        "too little space on the disk",
        " of {folder}",
        ": {free:size} free",
        ", {needed:size} still to be written",
        ", {min_free:size} to be left",
    ),
    "held.download-folder": ("the folder for downloads cannot be looked at", ": {folder}", " ({message})"),
    "held.download-files": (
        "the downloader says that it is complete, but the files are not here as it says",
        ": {path}",
        " ({files:n|file|files} in all)",
    ),
    "held.download-seeding": ("uploaded; still seeding", ", {left:span} at most", " (ratio {ratio})"),
    "held.download-busy": (
        "uploaded; what is here stays until {downloader} seeds it again or has stopped it",
        " (now: {state:word})",
    ),
    "held.download-kept": ("uploaded; what is here is removed later", ": at {until:clock}"),
    "held.download-task": "the task {task} sends from the same folder and is not done with it",
    "held.download-shared": "the download {download} has its data in the same folder, and is not done with it",
    "held.download-beside": ("{downloader} has something else in the same folder", ": {name}"),
    "held.download-leaving": "the download {download} has this torrent and is being removed",
    "held.download-bug": ("a bug of CloudGather holds it up; it is tried again later", ": {message}"),
    "held.download-removal": ("what is here cannot be removed", ": {path}", " ({message})"),
    "download.failed": ("the downloader {downloader} could not download it", ": {message}"),
    "download.stalled": ("nothing has come", " for {seconds:span}"),
    "download.too-large": ("it is larger than allowed", ": {size:size}", " (allowed: {limit:size})"),
    "download.lost": "the downloader does not know it any more; it is handed over again",
    "download.foreign-gone": "the downloader {downloader} had it before, and does not know it any more",
    "download.foreign-choice": (
        "the downloader {downloader} had this torrent before, and which files of it come is decided there",
        "; {files:n|file|files} of those chosen here are not chosen there",
    ),
    "download.no-such-files": "number {largest} was chosen, and it has {files:n|file|files}",
    "download.nothing": "the filter passes over all of its files, so nothing is uploaded; they stay here",
    "download.unsent": (
        "downloaded, but not uploaded",
        ": {path}",
        " ({files:n|file|files} in all)",
        ": {cause:reason}",
    ),
    "download.cleared": "uploaded, and removed here",
    "download.stays-foreign": "uploaded; the downloader {downloader} had it before, so its files stay here",
    "download.stays-unproven": (
        "uploaded; its files stay here, since the target {target} cannot prove that it has stored them"
    ),
    "download.stays-more": (
        "uploaded; its files stay here, since further ones were chosen in {downloader} afterwards",
        ", such as {path}",
    ),
    "download.stays-beside": (
        "uploaded; its files stay here, since something else lies in its folder, which was not uploaded",
        ", such as {path}",
    ),
    "download.stays-changed": ("uploaded; its files stay here, since one was changed afterwards", ": {path}"),
    "error.no-such-downloader": ("no downloader is named {downloader}", "; there is {near}"),
    "error.no-such-download": "there is no download {id}",
    "error.download-there": ("this torrent is there already", " with {downloader}", ": {name}"),
    "error.download-state": ('not possible for a download in the state "{state:word}"', " ({order})"),
    "error.download-foreign": "{downloader} had this torrent before; which files of it are wanted is decided there",
    "error.no-files": "at an address of the web there are no files to choose from",
    "error.place": ("a place is written as TARGET:FOLDER", ", such as {target}:films", ": {message}"),
    "error.link": ("this cannot be downloaded", ": {cause:reason}", ": {message}"),
    "link.other": "only magnet, http, https and ftp can be downloaded",
    "link.no-hash": "it is a magnet link without the hash of a torrent (xt=urn:btih:…), or with a part of one",
    "link.no-host": "it names no host",
    "link.space": "there is a space or a control character in it",
    "link.unknown-host": ("the host {host} is not known", ": {message}"),
    "torrent.web-page": "it is a web page",
    "torrent.other": "it is no torrent file",
    "torrent.cut": "it is cut short",
    "error.private-address": ("{host} is an address of this machine or of a private network", " ({address})"),
    "error.torrent": ("this torrent file cannot be used", ": {cause:reason}", ": {message}"),
    "error.option": ("an option is not possible", " with {downloader}", ": {cause:reason}"),
    "option.number": "{option} must be a number from {low} to {high}",
    "option.whole": "{option} must be a whole number from {low} to {high}",
    "option.speed": '{option} must be bytes a second, such as 102400 or "100K"; 0: no limit',
    "option.truth": "{option} must be true or false",
    "option.text": "{option} must be text in one line",
    "option.trackers": '{option} must be a list of addresses of trackers: ["udp://…", "http://…"]',
    "option.choice": "{option} must be one of {words}",
    "option.ours": "{option}: CloudGather sets it by itself",
    "option.program": (
        "{option}: it is for aria2 as a whole, which ignores it for a single download; set it in aria2.conf"
    ),
    "option.unknown": ("{option}: {kind:word} has no such option for a single download", "; did you mean {near}?"),
    "option.nobodys": "{option}: no kind of downloader has such an option for a single download",
    "error.no-downloader": ("no downloader can do this", ": {downloader}", "; your group may use {allowed:list}"),
    "error.no-destination": "nothing says where the result is to go",
}

HINTS: Final[Mapping[str, Template]] = {
    "wait.download": "cgctl download show {download}",
    "wait.downloader-size": "let the downloader check the files again (recheck, hash check)",
    "wait.downloader-gone": "if it is complete all the same: cgctl upload --skip-settle PATH",
    "downloader.no-client": (
        "run pip install aiohttp in the daemon's environment, or install CloudGather with its extra net"
    ),
    "downloader.starting": "wait a moment",
    "downloader.unreachable": "is it running, and are address and port right? cgctl downloader test {downloader:arg}",
    "downloader.foreign": "correct url: another program may be listening there",
    "downloader.password": (
        "correct username and password_file (qBittorrent, Transmission), api_key_file (qBittorrent) or secret_file "
        "(aria2), then: cgctl config reload"
    ),
    "downloader.banned": "wait an hour or restart qBittorrent; correct the password first",
    "downloader.host": (
        "in qBittorrent, Options, WebUI: add the name to the server domains, or turn Host header validation off; "
        "behind Docker, map the port to the same number inside"
    ),
    "downloader.secret-file": "put the secret there, on the first line, and let the daemon's user read the file",
    "downloader.old": "update the downloader",
    "downloader.request": "raise rpc-max-request-size in aria2.conf, for example to 32M, and start aria2 anew",
    "downloader.no-folder": (
        "write into its table what that folder is called here: path_map",
        ' = {{ "{folder}" = "{suggestion}" }}',
    ),
    "downloader.other-folder": (
        "write into its table what that folder is called here: path_map",
        ' = {{ "{folder}" = "{suggestion}" }}',
    ),
    "skip.download": "cgctl download show {download}; to have the task upload it, move it out of that folder",
    "skip.unchosen": "nobody chose it, or the filter of its task leaves it out: cgctl download files {download}",
    "error.no-such-downloader": "cgctl downloader list",
    "held.download-paused": "cgctl download resume {download}",
    "held.download-stopped": "cgctl download resume {download}",
    "held.download-queued": "see how many downloads it runs at once",
    "held.download-space": "free space there, or change min_free in [downloads]",
    "held.download-folder": "create it, or correct dir of the downloader",
    "held.download-files": "both must see the same folder: see path_map of the downloader",
    "held.download-busy": "if nothing comes of that there: cgctl download remove {download}",
    "held.download-beside": "once that is removed there, or lies elsewhere, it goes on by itself",
    "held.download-bug": "please report it, with the lines of the log: cgctl logs",
    "held.download-removal": "let the daemon's user remove files there (group or ACL); it is tried again and again",
    "download.failed": "cgctl download retry {download}",
    "download.stalled": (
        "perhaps nobody who has it is online, its trackers do not answer, or no port is open; extra_trackers may help"
    ),
    "download.foreign-choice": "choose the files in the downloader, or ask for the download without a choice",
    "download.stays-beside": "move that elsewhere, then cgctl download remove {download}",
    "download.unsent": "mend the cause, then cgctl download retry {download}; nothing here is removed",
    "error.no-such-download": "cgctl download list",
    "error.private-address": "allow_private = true in [downloads] allows it",
    "error.no-downloader": (
        "it needs an aria2 or a qBittorrent with dir in its table [downloaders.NAME]; an address of the web needs aria2"
    ),
    "link.no-hash": "copy all of the link once more",
    "link.space": "write a space as %20",
    "torrent.web-page": "log in to the site, and save the torrent file anew",
    "torrent.cut": "fetch the file once more",
    "error.no-destination": "give --task, or set to in [downloads]",
}
