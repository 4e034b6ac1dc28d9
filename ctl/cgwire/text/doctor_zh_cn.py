"""Simplified Chinese sentences and hints for what the doctor found, by code."""

from collections.abc import Mapping
from typing import Final

from cgwire.text.values import Template

_KEEP: Final = "；要长期生效，请把 fs.inotify.{key} = {wanted} 写入 /etc/sysctl.d/60-cloudgather.conf"
_AS_OWNER: Final = "如果守护进程由 {owner} 运行，请以该用户检查：runuser -u {owner} -- cloudgatherd …"
_RSLAVE: Final = "请映射其上层文件夹，并带上宿主机的挂载：-v /CloudDrive:/CloudDrive:rslave，然后重新启动容器"

SENTENCES: Final[Mapping[str, Template]] = {
    "doctor.config": "{file} 及任务没有错误；{tasks} 个任务，{targets} 个目标",
    "doctor.no-tasks": ("还没有配置任务", "（{folder}）"),
    "doctor.problem": "{where}: {cause:reason}",
    "doctor.folder": ("{folder} 可用", ("（{fs_type}", "，{device}", "）")),
    "doctor.folder-none": ("{folder} 还不存在，可以建立", "（在 {at} 中）"),
    "doctor.folder-denied": (
        "{folder} 无法使用",
        "（用户 {user}）",
        ("：{at} 属于 {owner}", ":{group}", "，权限 {mode:mode}"),
    ),
    "doctor.folder-read-only": "{folder} 所在的文件系统是只读挂载",
    "doctor.folder-occupied": "{folder} 不是文件夹",
    "doctor.folder-remote": "{folder} 在网络或 FUSE 文件系统上（{fs_type}），可能失去响应",
    "doctor.folder-error": ("无法查看 {folder}", "：{message}"),
    "doctor.state-remote": "{folder} 在网络或 FUSE 文件系统上（{fs_type}），数据库放在那里不安全，还可能卡住",
    "doctor.state-volatile": "{folder} 不能长期保存：它在 {fs_type} 上，上传记录会丢失",
    "doctor.state-owner": "{folder} 属于 {owner}，而这次检查以 {user} 运行",
    "doctor.space": ("数据库所在磁盘可用 {free:size}", "，共 {total:size}", "，{folder}"),
    "doctor.space-low": ("数据库所在磁盘只剩 {free:size}", "，共 {total:size}", "，{folder}"),
    "doctor.database": ("{file} 完好", "（{size:size}）", "；正由守护进程使用（pid {pid}）"),
    "doctor.database-none": "{file} 还不存在，会自动建立",
    "doctor.database-old": "{file} 由较早的版本建立；会先备份，再更新",
    "doctor.database-large": (
        "{file} 可以读取",
        "（{size:size}）",
        "；太大，无法在 {seconds:span}内全部检查",
        "；正由守护进程使用（pid {pid}）",
    ),
    "doctor.database-unknown": ("{file} 无法检查", "：{message}"),
    "doctor.socket": ("守护进程在 {socket} 应答", ("（pid {pid}", "，版本 {version}", "）")),
    "doctor.socket-version": "{socket} 的守护进程版本为 {version}，此程序为 {here}",
    "doctor.socket-free": "没有守护进程在运行；可以在 {socket} 监听",
    "doctor.socket-stale": "没有守护进程在运行；{socket} 是遗留的，下次启动会替换",
    "doctor.socket-mute": ("{socket} 的守护进程没有应答", "（已等 {seconds:span}）"),
    "doctor.socket-denied": ("无法访问 {socket}", "（用户 {user}）"),
    "doctor.socket-occupied": "{socket} 不是套接字",
    "doctor.socket-folder": ("套接字所在的文件夹 {folder} 不存在，也无法建立", "（用户 {user}）"),
    "doctor.socket-error": ("{socket} 无法使用", "：{message}"),
    "doctor.source": (
        "{source} 可以读取",
        ("（{fs_type}", "，所有者 {owner}", "，权限 {mode:mode}", "，{directories} 个文件夹", "）"),
        "；{stopped:span}后停止计数",
        ("；可用 {free:size}", "，共 {total:size}"),
    ),
    "doctor.source-denied": (
        "无法读取 {source}",
        "（用户 {user}）",
        ("：{at} 属于 {owner}", ":{group}", "，权限 {mode:mode}"),
    ),
    "doctor.source-parts": ("{source} 中有 {count} 个文件夹无法读取", "（用户 {user}）", "，例如 {example}"),
    "doctor.source-dead": "{source} 的挂载程序已退出（传输端点未连接）",
    "doctor.source-private": ("{source} 所在的 FUSE 挂载不允许他人访问", "：它属于 {owner}", "，不属于 {user}"),
    "doctor.lease": ("内核能告知文件是否仍在写入", "（{fs_type}）"),
    "doctor.lease-untried": ("内核应能告知文件是否仍在写入", "（{fs_type}）", "；还没有文件可供试验"),
    "doctor.lease-unknown": ("此文件系统不能告知文件是否仍在写入", "（{fs_type}）"),
    "doctor.lease-refused": ("内核不向 {user} 告知他人的文件是否仍在写入", "，例如 {path}"),
    "doctor.watch": ("需监视 {directories} 个文件夹", "（{stopped:span}后停止计数）", "，内核允许 {limit} 个"),
    "doctor.watch-limit": (
        "需监视 {directories} 个文件夹",
        "（{stopped:span}后停止计数）",
        "，而内核只允许 {limit} 个",
    ),
    "doctor.instances": ("inotify 可用", "（内核允许 {limit} 个实例）"),
    "doctor.instances-limit": ("内核不允许再增加 inotify 实例", "（共 {limit} 个）"),
    "doctor.queue": ("内核保留的事件足够", "（{limit}）"),
    "doctor.queue-short": "内核只保留 {limit} 个事件；大量文件同时出现时要靠扫描发现",
    "doctor.target": (
        "{root} 正常",
        ("（{fs_type}", " {source}", "，所有者 {owner}", "）"),
        ("；可用 {free:size}", "，共 {total:size}"),
    ),
    "doctor.target-full": ("{root} 只剩 {free:size}", "，共 {total:size}"),
    "doctor.target-denied": (
        "{root} 无法写入",
        "（用户 {user}）",
        ("：它属于 {owner}", ":{group}", "，权限 {mode:mode}"),
    ),
    "doctor.target-unguarded": (
        '{root} 是挂载（{fs_type}），但 kind = "directory" 表示没有挂载：一旦没有挂载，文件会写到下面的磁盘上'
    ),
    "doctor.target-bound": (
        "{root} 没有挂载网盘",
        "（那里现在是：{found:word}）",
        "：容器映射的是挂载点本身，而那时网盘还没有挂载",
    ),
    "doctor.target-pinned": (
        "{root} 的网盘（{fs_type}）可以访问，但宿主机重新挂载后这里看不到：容器映射的是挂载点本身，或没有用 rslave"
    ),
    "doctor.clock": "时钟显示 {now:clock}",
    "doctor.clock-synchronised": "时钟已同步；显示 {now:clock}",
    "doctor.clock-wrong": "时钟不对：显示 {year} 年",
    "doctor.clock-jumps": "时钟刚刚被调整了 {seconds:span}",
    "doctor.clock-behind": "时钟偏慢：有文件的写入时间比现在晚 {seconds:span}",
    "doctor.clock-alone": ("时钟没有同步", "；显示 {now:clock}"),
    "doctor.zone": ("{zone}", "，当地时间 {shown}"),
    "doctor.zone-unknown": "系统没有设置时区；定时按 UTC 计算",
    "doctor.zone-differs": "定时按 {zone} 计算（现在 {meant}），而系统时钟显示 {shown}",
    "doctor.msgpack": ("已有编译部分", "（版本 {version}）"),
    "doctor.msgpack-slow": "缺少编译部分，较大的消息会非常慢",
    "doctor.user": ("以 {user} 检查", ("（uid {uid}", "，用户组 {groups:list}", "，umask {umask:mode}", "）")),
    "doctor.no-proc": "/proc 没有挂载；没有它就无法工作",
    "doctor.unfinished": ("没有回答", "（已等 {seconds:span}）"),
}

HINTS: Final[Mapping[str, Template]] = {
    "doctor.no-tasks": "cgctl task add",
    "doctor.problem": ("请改正", "：{file}"),
    "doctor.folder-denied": ("{command}", f"；{_AS_OWNER}"),
    "doctor.folder-read-only": "请以可读写方式挂载，或在 cloudgather.toml 中换一个文件夹",
    "doctor.folder-occupied": "请移走它，或在 cloudgather.toml 中换一个文件夹",
    "doctor.folder-remote": "请选择本地磁盘上的文件夹",
    "doctor.folder-error": "请检查磁盘：dmesg",
    "doctor.state-remote": "请把 state_dir 设为本地磁盘上的文件夹",
    "doctor.state-volatile": "请把 state_dir 设为磁盘上的文件夹；容器中请为它映射卷",
    "doctor.state-owner": (
        "请以同一用户运行守护进程和检查：runuser -u {owner} -- cloudgatherd …",
        "；{user} 在那里建立的文件，{owner} 无法写入",
    ),
    "doctor.space-low": "请清理该磁盘；磁盘满时队列暂停，不会丢失任何内容",
    "doctor.database-unknown": "请以守护进程的用户检查，或让守护进程检查：cgctl doctor",
    "doctor.socket-version": "请重启守护进程",
    "doctor.socket-mute": "cgctl status；如果同样卡住：systemctl restart cloudgather",
    "doctor.socket-denied": "请让 {user} 能进入套接字所在的文件夹",
    "doctor.socket-occupied": "请移走它，或在 cloudgather.toml 中换一个套接字",
    "doctor.socket-folder": "由 systemd 启动守护进程时会自动建立；没有 systemd 时：mkdir {folder}",
    "doctor.socket-error": "请在 cloudgather.toml 中换一个套接字",
    "doctor.source-denied": "sudo {command}",
    "doctor.source-parts": "sudo setfacl -R -m u:{user}:rX {source}",
    "doctor.source-dead": "重新启动挂载程序（rclone、CloudDrive 等）；必要时先 umount -l 失效的挂载点",
    "doctor.source-private": (
        "挂载时加 allow_other（/etc/fuse.conf 中需有 user_allow_other）",
        "，或让守护进程以 {owner} 运行：sudo cgctl setup",
    ),
    "doctor.lease-unknown": "无需处理：文件至少静默两分钟后才上传",
    "doctor.lease-refused": (
        "让守护进程以文件所有者运行，或给它 CAP_LEASE（随附的 unit 文件已有）；在此之前，文件至少静默两分钟后才上传"
    ),
    "doctor.watch-limit": (
        "sudo sysctl fs.inotify.max_user_watches={wanted}",
        _KEEP.replace("{key}", "max_user_watches"),
        "；容器中请在宿主机上设置；否则改为定期检查",
    ),
    "doctor.instances-limit": (
        "sudo sysctl fs.inotify.max_user_instances={wanted}",
        _KEEP.replace("{key}", "max_user_instances"),
        "；容器中请在宿主机上设置；否则改为定期检查",
    ),
    "doctor.queue-short": (
        "sudo sysctl fs.inotify.max_queued_events={wanted}",
        _KEEP.replace("{key}", "max_queued_events"),
    ),
    "doctor.target-full": "请清理那里的空间；空间满时上传会等待",
    "doctor.target-denied": "让 {user} 能在那里写入（所有者、用户组或 ACL）；可用 cgctl target test {target:arg} 试验",
    "doctor.target-unguarded": '请为该目标设置 kind = "mount"',
    "doctor.target-bound": _RSLAVE,
    "doctor.target-pinned": _RSLAVE,
    "doctor.clock-wrong": "请校准时钟：timedatectl set-ntp true，或 date -s",
    "doctor.clock-jumps": "请确认只有一个程序在调整时钟",
    "doctor.clock-behind": "请确认时钟是否正确：date；timedatectl set-ntp true",
    "doctor.clock-alone": "timedatectl set-ntp true（或 chrony）；时钟不准会使文件多等一些时间",
    "doctor.zone-unknown": '请在 cloudgather.toml 中设置 timezone，例如 "Asia/Shanghai"；容器中请设置 TZ',
    "doctor.zone-differs": '请在 cloudgather.toml 中设置 timezone，例如 "Asia/Shanghai"；容器中请设置 TZ',
    "doctor.msgpack-slow": "请从 wheel 安装 msgpack，或在有编译器时安装；并取消 MSGPACK_PUREPYTHON",
    "doctor.no-proc": "mount -t proc proc /proc",
    "doctor.unfinished": "它需要的东西没有响应：请检查其磁盘或挂载",
}
