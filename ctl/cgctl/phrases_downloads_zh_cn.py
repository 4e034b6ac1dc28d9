"""The phrases about downloads and downloaders in simplified Chinese, by their English."""

from collections.abc import Mapping
from typing import Final

PHRASES: Final[Mapping[str, str]] = {
    # Status
    "Downloaders": "下载器",
    "Downloads": "下载任务",
    "{n} unfinished": "{n} 个未完成",
    "{n} stalled": "{n} 个停滞",
    "and {n} more: cgctl download list": "另有 {n} 个：cgctl download list",
    # Downloads
    "no downloads": "没有下载任务",
    "download": "下载任务",
    "downloader": "下载器",
    "folder": "文件夹",
    "asked for by": "提交者",
    "its files are not known yet": "还不知道有哪些文件",
    "DONE": "已完成",
    "download {id}: {name}": "下载任务 {id}：{name}",
    "download {id}: {name} is there already ({state}, to {place})": (
        "下载任务 {id}：已经有 {name}（{state}，上传到 {place}）"
    ),
    "to have it once more: cgctl download remove {id}, then add it again": (
        "如需重新下载：先执行 cgctl download remove {id}，再添加"
    ),
    "unnamed": "未命名",
    "download {id}: chosen": "下载任务 {id}：已选择文件",
    "download {id} is paused": "下载任务 {id} 已暂停",
    "download {id} goes on": "下载任务 {id} 继续",
    "download {id} is tried again": "下载任务 {id} 将重试",
    "download {id} is removed": "下载任务 {id} 已删除",
    "download {id}: its removal is under way; `cgctl download show {id}` says what it waits for": (
        "下载任务 {id}：正在删除；cgctl download show {id} 说明在等什么"
    ),
    "give the files by their numbers: 1,3-5": "请用编号给出文件：1,3-5",
    "{option} is empty": "{option} 是空的",
    "give either --task or --to": "--task 和 --to 只能给出一个",
    "give either --files or --select": "--files 和 --select 只能给出一个",
    "give a link, or the name of a torrent file": "请给出链接，或种子文件的名称",
    "no such file": "没有这个文件",
    "it is a folder": "这是文件夹",
    "the hash of a torrent is given as a link: {link}": "种子的哈希要写成链接：{link}",
    "a link begins with magnet:, http:, https: or ftp:": "链接以 magnet:、http:、https: 或 ftp: 开头",
    "--options: give a JSON object": "--options：请给出 JSON 对象",
    "--option: give NAME=VALUE": "--option：请给出 名称=值",
    "{file} is no torrent file": "{file} 不是种子文件",
    # Downloaders
    "ADDRESS": "地址",
    "ITEMS": "任务数",
    "UNFINISHED": "未完成",
    "SPEED": "速度",
    "answers": "有回答",
    "no downloaders; `cgctl downloader detect` looks for some": "没有下载器；cgctl downloader detect 可以查找",
    "version {program}, interface {api}": "版本 {program}，接口 {api}",
    "the downloader {name} failed the test": "下载器 {name} 没有通过测试",
    "{url}: configured as {name}": "{url}：已配置为 {name}",
    "{url}: put this into the main file": "{url}：请把以下内容写入主配置文件",
    "none found at the usual ports of the daemon's machine": "在守护进程所在机器的常用端口上没有找到",
    "is it running, with its web interface or RPC on (qBittorrent: Options, Web UI; aria2: enable-rpc)?": (
        "它在运行吗？是否已启用 Web 界面或 RPC（qBittorrent：选项、Web UI；aria2：enable-rpc）？"
    ),
    "does it run on another machine, or in a container? 127.0.0.1 is where the daemon runs": (
        "它是否在另一台机器或容器里？127.0.0.1 指守护进程运行的地方"
    ),
    "at another address or port: write [downloaders.NAME] with its kind and url into the main file; "
    "then cgctl config reload and cgctl downloader test NAME": (
        "如在其他地址或端口：在主配置文件中写入 [downloaders.名称] 及其 kind 和 url，"
        "然后运行 cgctl config reload 和 cgctl downloader test 名称"
    ),
}
