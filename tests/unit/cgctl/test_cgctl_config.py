"""`cgctl config show`: the configuration in the form in which it would stand in the files."""

from typing import Any

CONFIG: dict[str, Any] = {
    "file": "/etc/cloudgather/cloudgather.toml",
    "daemon": {
        "file": "/etc/cloudgather/cloudgather.toml",
        "state_dir": "/var/lib/cloudgather",
        "socket": "/run/cloudgather/control.sock",
        "groups": {"media": "operate"},
        "downloaders": {"qb": {"name": "qb", "path_map": [[b"/downloads", "/vol1/下载".encode()]]}},
        "downloads": {
            "keep_after": 600.0,
            "seed_time": 86400.0,
            "extra_trackers": [],
            "tracker_file": b"/etc/trackers",
        },
        "allowances": {"media": {"max_active": 3}},
    },
    "targets": {
        "c115": {
            "name": "c115",
            "implicit": False,
            "daily_limit": 700 * 2**30,
            "file_mode": 0o640,
            "dir_mode": None,
            "deadline_factor": 2.0,
            "remote_control": {"address": "unix:/run/rclone.sock", "user": "u", "password_file": None, "fs": None},
        }
    },
    "tasks": {
        "电影": {"name": "电影", "target": "c115", "base": "影视库/电影".encode(), "filter": {"min_size": 2**20}}
    },
}


def test_the_configuration_is_shown_as_its_files_would_have_it(cgctl: Any) -> None:
    cgctl.daemon(daemon_config=CONFIG)

    assert cgctl("config", "show").out.splitlines() == [
        "file: /etc/cloudgather/cloudgather.toml",
        "",
        "[daemon]",
        "  state_dir  /var/lib/cloudgather",
        "",
        "[control]",
        "  socket  /run/cloudgather/control.sock",
        "",
        "[groups.media]",
        "  access      operate",
        "  max_active  3",
        "",
        "[downloads]",
        "  keep_after      10m",
        "  seed_time       1d",
        "  extra_trackers  /etc/trackers",
        "",
        "[downloaders.qb]",
        "  path_map  {/downloads = /vol1/下载}",
        "",
        "[targets.c115]",
        "  daily_limit              700GiB",
        "  file_mode                0640",
        "  dir_mode                 -",
        "  rclone_rc                unix:/run/rclone.sock",
        "  rclone_rc_user           u",
        "  rclone_rc_password_file  -",
        "  rclone_fs                -",
        "",
        "[tasks.电影]",
        "  target  c115:影视库/电影",
        "  [filter]",
        "    min_size  1MiB",
    ]
