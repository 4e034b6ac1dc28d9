"""The phrases of setup in simplified Chinese, by their English."""

from collections.abc import Mapping
from typing import Final

PHRASES: Final[Mapping[str, str]] = {
    # What it says of the machine and asks
    "this changes the machine": "此命令会更改本机",
    "systemd does not run here": "这里没有运行 systemd",
    "start `cloudgatherd --config FILE` as the user that owns the downloads": (
        "请以下载文件的所有者运行 `cloudgatherd --config 配置文件`"
    ),
    "CloudGather is not installed as a service": "CloudGather 没有作为服务安装",
    "{folder} is not a folder": "{folder} 不是文件夹",
    "make it, or mount its disk, and run this again": "请创建它或挂载它所在的磁盘，然后重新运行",
    "No cloud drive is mounted here now: mount it first, or name a folder on a plain disk.": (
        "现在没有挂载的网盘：请先挂载，或输入普通磁盘上的文件夹。"
    ),
    "Mounted here: {mounts}": "已挂载：{mounts}",
    "Where is the cloud drive mounted?": "网盘挂载在哪里？",
    "{folder} is on a disk of this machine, no cloud drive. Is that meant?": (
        "{folder} 在本机磁盘上，不是网盘。确定吗？"
    ),
    "no cloud drive is mounted at {folder}; nothing was changed": "{folder} 没有挂载网盘；没有做任何更改",
    "mount it and run this again; or, for a plain disk: --kind directory": (
        "请挂载后重新运行；如果就是普通磁盘：--kind directory"
    ),
    # As whom
    "The daemon runs as {user}, group {group}: {why}": "守护进程以用户 {user}、用户组 {group} 运行：{why}",
    "as you say": "按你的指定",
    "as it does now": "与现在相同",
    "the drive is mounted without allow_other, and lets in nobody else": (
        "网盘挂载时没有加 allow_other，不允许其他用户访问"
    ),
    "it may read the downloads and write to the drive": "它能读取下载文件夹并写入网盘",
    "with these groups it may read the downloads and write to the drive": "加入这些用户组后能读取下载文件夹并写入网盘",
    "the downloads belong to it": "下载文件夹属于它",
    "the drive belongs to it": "网盘属于它",
    "there is no such user or group: {name}": "没有这个用户或用户组：{name}",
    "{user} may not read {folder}": "{user} 无权读取 {folder}",
    "; {folder} belongs to {owner}, mode {mode}": "；{folder} 属于 {owner}，权限 {mode}",
    "; and the drive lets in nobody but {user}": "；而网盘只允许 {user} 访问",
    "{user} may not write to {folder}": "{user} 无权写入 {folder}",
    "; it is mounted by {user} without allow_other": "；它由 {user} 挂载，没有加 allow_other",
    "mount it with allow_other, or give no --user": "挂载时加 allow_other，或不要指定 --user",
    "see whether it answers (ls {folder}), and for whom it is mounted (uid, umask)": (
        "请检查它是否有响应（ls {folder}），以及为谁挂载（uid、umask）"
    ),
    # What it changes
    "nothing to change": "无需更改",
    "To be changed": "将要更改",
    "write {about}:": "写入 {about}：",
    "give {about} to {to}": "把 {about} 交给 {to}",
    "let {about} use cgctl (group {to})": "允许 {about} 使用 cgctl（用户组 {to}）",
    "add to {about}:": "添加到 {about}：",
    "start {about} with the machine": "开机时启动 {about}",
    "make the task {name}, which sends {source}": "建立任务“{name}”，上传 {source}",
    "Do this?": "执行吗？",
    "cannot change it: {cause}": "无法更改：{cause}",
    "the configuration would have errors; nothing was changed": "配置会有错误；没有做任何更改",
    "the daemon did not start; its last lines are above": "守护进程没有启动；上面是它的最后几行日志",
    # What it tries, and afterwards
    "the target {name} was written to, read from and cleaned up": "目标“{name}”已通过写入、读取和清理测试",
    "A test of the target {name}": "目标“{name}”的测试",
    "The doctor, as the daemon's user": "以守护进程的用户检查",
    "mend what it names, then run setup again": "请排除所列问题，然后重新运行 setup",
    "Make a task that sends {source} there?": "建立一个把 {source} 上传到那里的任务吗？",
    "{name} answers at {url}: connected, it tells which files are complete, and nothing is guessed": (
        "{name} 在 {url} 响应：连接后由它告知哪些文件已完成，无需猜测"
    ),
    "{user} may use cgctl from the next login on": "{user} 下次登录后可以使用 cgctl",
}
