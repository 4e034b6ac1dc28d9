"""What the options of cgctl and cloudgatherd are for, in simplified Chinese, by the English; and their metavars."""

from collections.abc import Mapping
from typing import Final

METAVARS: Final[Mapping[str, str]] = {
    "OPTIONS": "选项",
    "COMMAND": "命令",
    "ARGS": "参数",
    "PATH": "路径",
    "DIR": "文件夹",
    "FOLDER": "文件夹",
    "FILE": "文件",
    "FILE.torrent": "种子文件",
    "URI": "链接",
    "ID": "编号",
    "NUMBERS": "文件编号",
    "GLOB": "匹配模式",
    "NAME": "名称",
    "DEST": "位置",
    "TARGET": "目标名",
    "RULES": "规则",
    "RATE": "速率",
    "SIZE": "大小",
    "SPAN": "时长",
    "ZONE": "时区",
    "KEY": "设置项",
    "VALUE": "值",
    "K": "名称",
    "V": "值",
    "OLD": "原路径",
    "NEW": "新路径",
    "INTEGER RANGE": "整数",
    "FLOAT RANGE": "数字",
}

OPTIONS: Final[Mapping[str, str]] = {
    # Everywhere
    "The daemon's control socket (default: $CLOUDGATHER_SOCKET, then /run/cloudgather/control.sock).": (
        "守护进程的控制套接字（默认：$CLOUDGATHER_SOCKET，其次 /run/cloudgather/control.sock）"
    ),
    "Language of the messages (default: by the locale).": "显示所用的语言（默认按系统语言）",
    "Show cgctl's version and exit (`cgctl version` asks the daemon, too).": (
        "显示 cgctl 的版本后退出（cgctl version 还会询问守护进程）"
    ),
    "Show this message and exit.": "显示此帮助后退出",
    "Print JSON, for scripts.": "输出 JSON，供脚本使用",
    "Do not ask.": "不询问",
    "How many.": "最多显示多少个",
    "Only of this task.": "只限此任务",
    "Only of this target.": "只限此目标",
    "Only of this run.": "只限此次执行",
    # setup
    "The folder that downloads arrive in.": "下载的文件所在的文件夹",
    "Where the cloud drive is mounted, or a folder in it.": "网盘挂载的位置，或其中的文件夹",
    "directory: a plain disk instead of a mount.": "directory：普通磁盘，而不是挂载",
    "What to call the drive (default: after its folder).": "网盘作为目标的名称（默认按其文件夹命名）",
    "As whom the daemon runs (default: found out).": "守护进程以哪个用户运行（默认自动找出）",
    "With --user: the group (default: the user's own).": "与 --user 同用：用户组（默认为该用户的组）",
    "Who may use cgctl (default: who called sudo).": "谁可以使用 cgctl（默认为执行 sudo 的用户）",
    "Put nobody into the group cloudgather.": "不把任何用户加入 cloudgather 组",
    "What to call the task (default: after the downloads' folder).": "任务的名称（默认按下载文件夹命名）",
    "Make no task.": "不建立任务",
    "The folder on the drive that the task sends to.": "任务上传到网盘上的哪个文件夹",
    "Ask nothing; what is not given is found out, or has its default.": "不询问；没有给出的自动找出，或用默认值",
    "Show what would be changed, and end.": "只显示将要更改的内容，不执行",
    # status, watch
    "Paths, limits and longer lists.": "另外显示路径、限制，列表也更长",
    "Seconds between two.": "每隔多少秒刷新一次",
    "End after so many.": "显示这么多次后结束",
    # upload
    "I know that they are complete: do not wait until they are quiet.": "确定文件已完整，不必等到静默",
    "Wait until they are uploaded; exit 1 if anything failed.": "等到上传结束；有失败时退出码为 1",
    # task
    "The folder with the downloads.": "下载的文件所在的文件夹",
    "TARGET:FOLDER, or a folder on a mounted cloud drive.": "目标名:文件夹，或已挂载的网盘上的文件夹",
    "Send files as soon as they are complete (default).": "文件一完整就上传（默认）",
    'Also look at these times: "0 3 * * *", @daily, "H 3 * * *".': (
        '另外在这些时间检查："0 3 * * *"、@daily、"H 3 * * *"'
    ),
    "Also look this often: 30m, 6h.": "另外每隔这么久检查一次：30m、6h",
    "Time zone of the schedule and the window.": "定时和上传时段所用的时区",
    "How long a file must be quiet: 10s, 5m, or auto.": "文件要静默多久：10s、5m，或 auto",
    "everything (default), video+subtitles, …": "everything（默认）、video+subtitles 等",
    "Leave out smaller files: 50MiB.": "不上传比这更小的文件：50MiB",
    "Leave out larger files.": "不上传比这更大的文件",
    "Only what matches; repeatable.": "只上传匹配的；可多次给出",
    "Not what matches; repeatable.": "不上传匹配的；可多次给出",
    "Any of missing, changed, size, newer; by commas.": "missing、changed、size、newer 中的任意几个，用逗号分隔",
    "What is there already.": "已有的文件如何处理",
    "What must be complete before any of it goes: the file's torrent (default), its folder, or the file alone.": (
        "哪些都完整了才开始上传：文件所属的种子（默认）、所在的文件夹，或仅文件本身"
    ),
    "Upload only in this time of day.": "只在每天的这个时段上传",
    "Make it, but let it wait for `task resume`.": "建立后先暂停，直到 cgctl task resume",
    "Ask nothing; what is not given has its default.": "不询问；没有给出的用默认值",
    "Show what would be written and sent, and end.": "只显示将要写入和上传的内容，不执行",
    "Change a key without an editor; repeatable.": "不用编辑器，直接修改一个设置项；可多次给出",
    "Take a key out, so that its default holds; repeatable.": "删去一个设置项，改用它的默认值；可多次给出",
    "Send everything again, also what was sent.": "全部重新上传，包括已上传过的",
    "Only list what would go, and why.": "只列出会上传什么、为什么",
    "Wait until it has ended; exit 1 if anything failed.": "等到执行结束；有失败时退出码为 1",
    "How many --dry-run lists.": "--dry-run 最多列出多少个",
    "Wait for the result.": "是否等待结果",
    "How many times.": "显示今后多少次",
    # queue
    "Only in this state; repeatable.": "只限此状态；可多次给出",
    "Leave out so many at first.": "跳过最前面的这么多个",
    "All that the order can concern.": "此命令能处理的全部上传项",
    # target limit
    "2MiB/s, 10Mbit/s or unlimited.": "2MiB/s、10Mbit/s，或 unlimited（不限速）",
    "How long: 30m, 2h, 1d.": "持续多久：30m、2h、1d",
    "Back to what is configured.": "恢复为配置中的限速",
    # download
    "Who downloads it (default: the first that can).": "由哪个下载器下载（默认为第一个能下载的）",
    "Send the result where this task sends to.": "下载完成后上传到此任务的目标位置",
    "Send the result there.": "下载完成后上传到这里",
    "Only these files of it: 1,3-5.": "只要其中的这些文件：1,3-5",
    "Wait until `download select` has named the files.": "等到用 cgctl download select 选择文件后再开始",
    "An option of the downloader; repeatable.": "下载器的选项；可多次给出",
    "Options of the downloader, as a JSON object.": "下载器的选项，写成 JSON 对象",
    "Do not begin until `download resume`.": "先不开始，直到 cgctl download resume",
    "What to do with a torrent that is there already.": "已有同一个种子时：reuse 沿用，refuse 拒绝",
    "Go on until each has ended; exit 1 if one failed.": "持续显示，直到全部结束；有失败时退出码为 1",
    "Go on until it has ended; exit 1 if it failed.": "持续显示，直到结束；失败时退出码为 1",
    "Leave on the disk what was downloaded.": "保留磁盘上已下载的文件",
    # history, logs
    "Only of this transfer.": "只限此上传项",
    "The steps on the way, too, and not only how each ended.": "中间的步骤也显示，而不只是结果",
    "Only what is older than this entry, for the next page.": "只显示比这一条更早的，用于翻页",
    "How many lines.": "显示多少行",
    "Go on with what is logged from now on, until Ctrl-C.": "继续显示新的日志，直到按 Ctrl-C",
    # doctor, import
    "The configuration, where no daemon answers.": "守护进程没有回答时所用的配置文件",
    "A folder that has another path here; repeatable.": "在这里路径不同的文件夹；可多次给出",
    "Not the task of this name; repeatable.": "不导入此名称的任务；可多次给出",
    "Show what would be made, and end.": "只显示将要新建的任务，不执行",
    # cloudgatherd
    "The configuration.": "配置文件",
    "Check the configuration and end: 0 if it is right, 78 if not.": "检查配置后退出：没有错误时退出码为 0，否则为 78",
    "Look for what commonly goes wrong on this machine, and end.": "检查本机的常见问题后退出",
    "With --check or --doctor: JSON for programs.": "与 --check 或 --doctor 同用：输出 JSON，供程序使用",
    "Show the version and exit.": "显示版本后退出",
}
