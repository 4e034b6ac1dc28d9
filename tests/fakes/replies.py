"""Builders for the maps that the daemon answers with."""

from typing import Any

NOW = 1_790_000_000.0


def a_transfer(**changes: Any) -> dict[str, Any]:
    return {
        "id": 17,
        "task": "电影",
        "path": "流浪地球/film.mkv".encode(),
        "target": "c115",
        "destination": "影视库/流浪地球/film.mkv".encode(),
        "size": 3 * 2**30,
        "state": "queued",
        "priority": 0,
        "attempts": 0,
        "limit": 8,
        "due": None,
        "reason": None,
        "plan_reason": {"code": "go.missing"},
        "held": [{"code": "held.turn", "ahead": 3}],
        "guessed": True,
        "run": 5,
        "created": NOW - 100,
        "updated": NOW - 50,
        "done": None,
        "rate": None,
        "eta": None,
        **changes,
    }


def a_run(**changes: Any) -> dict[str, Any]:
    return {
        "id": 5,
        "task": "电影",
        "trigger": "manual",
        "started": NOW - 100,
        "scanned": NOW - 99,
        "ended": NOW - 10,
        "seen": 12,
        "planned": 3,
        "left": 2,
        "skipped": 9,
        "uploaded": 3,
        "failed": 0,
        "bytes": 5 * 2**30,
        "problem": None,
        **changes,
    }


def a_task(**changes: Any) -> dict[str, Any]:
    return {
        "name": "电影",
        "source": "/vol1/downloads/电影".encode(),
        "target": "c115",
        "destination": "影视库/电影".encode(),
        "paused": False,
        "watch": {"mode": "inotify", "reason": None, "directories": 12},
        "schedule": "0 3 * * *",
        "every": None,
        "next": NOW + 3600,
        "last_run": a_run(),
        "settling": 1,
        "counts": {"queued": [2, 2**30], "done": [40, 2**40]},
        "held": [],
        **changes,
    }


def a_target(**changes: Any) -> dict[str, Any]:
    return {
        "name": "c115",
        "root": b"/CloudDrive/115",
        "kind": "mount",
        "profile": "cloud",
        "state": "ok",
        "held": [],
        "paused": False,
        "queued": [2, 2**30],
        "active": 1,
        "rate": 2 * 2**20,
        "parallel": 1,
        "bandwidth": 2 * 2**20,
        "written": [1, 2**20],
        **changes,
    }


def a_downloader(**changes: Any) -> dict[str, Any]:
    return {
        "name": "qb",
        "kind": "qbittorrent",
        "url": "http://127.0.0.1:8080",
        "state": "ok",
        "silent": None,
        "items": 12,
        "unfinished": 3,
        "stalled": 0,
        "speed": 2**20,
        "heard": 1.0,
        **changes,
    }


def a_download(**changes: Any) -> dict[str, Any]:
    return {
        "id": 17,
        "name": b"film",
        "state": "downloading",
        "paused": False,
        "uri": None,
        "downloader": "qb",
        "task": "film",
        "target": "c115",
        "destination": b"films",
        "user": "ann",
        "size": 2**30,
        "done": 2**29,
        "speed": 2**20,
        "reason": None,
        "held": None,
        "created": NOW - 60,
        "updated": NOW - 10,
        **changes,
    }


def a_status(**changes: Any) -> dict[str, Any]:
    return {
        "daemon": {
            "version": "0.1.0",
            "pid": 4711,
            "started": NOW - 7260,
            "now": NOW,
            "state_dir": b"/var/lib/cloudgather",
            "socket": "/run/cloudgather/control.sock",
            "config": "/etc/cloudgather/cloudgather.toml",
            "timezone": "Asia/Shanghai",
            "held": [],
            "problems": [],
        },
        "targets": [a_target()],
        "tasks": [a_task(), a_task(name="series", paused=True, last_run=None, settling=0, counts={})],
        "active": [a_transfer(id=3, state="copying", held=[], done=2**30, rate=2 * 2**20, eta=1024)],
        "waiting": [a_transfer()],
        "waiting_total": 12,
        "settling": [
            {
                "task": "电影",
                "path": b"new.mkv",
                "size": 2**20,
                "reasons": [{"code": "wait.quiet", "since": 12, "left": 18, "needed": 30}],
                "until": NOW + 18,
            }
        ],
        "settling_total": 1,
        "failed": [a_transfer(id=9, state="failed", held=[], reason={"code": "fail.name", "step": "create"})],
        "failed_total": 1,
        "downloaders": [],
        "downloads": [],
        "downloads_total": 0,
        "totals": {"done": [40, 2**40]},
        **changes,
    }
