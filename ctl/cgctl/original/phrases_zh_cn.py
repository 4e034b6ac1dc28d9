"""The phrases of `cgctl import` in simplified Chinese, by their English."""

from collections.abc import Mapping
from typing import Final

PHRASES: Final[Mapping[str, str]] = {
    "RULES": "规则",
    "every {span}": "每 {span}",
    "--map: OLD=NEW is wanted, two paths that begin with /": "--map：应为 原路径=新路径，两者都以 / 开头",
    "cannot read {file}: {cause}": "无法读取 {file}：{cause}",
    "{file} cannot be taken over; nothing was written": "无法导入 {file}；没有写入任何内容",
    "correct it, or leave a task out with --leave-out NAME": "请更正，或用 --leave-out 名称 略过某个任务",
    "the tasks would have errors; nothing was written": "任务会有错误；没有写入任何内容",
    "nothing was written; without --dry-run they are made": "没有写入任何内容；去掉 --dry-run 即会新建",
    "1 task is made": "已新建 1 个任务",
    "{n} tasks are made": "已新建 {n} 个任务",
    "{tasks}; cgctl status shows what they do": "{tasks}；用 cgctl status 查看进展",
    "there was nothing to make": "没有需要新建的任务",
    "Not made": "未新建",
    "there is a task of this name already": "已有同名任务",
    "Of all of them": "关于所有任务",
    "For cloudgather.toml, and then: cgctl config reload": "写入 cloudgather.toml，然后执行 cgctl config reload",
    "No cloud drive is mounted at {folder} now; files wait until one is": (
        "{folder} 现在没有挂载网盘；文件会等到挂载后再上传"
    ),
    # What is wrong with the file
    "it holds no list of tasks": "其中没有任务列表",
    "it is larger than any such file": "文件过大，不会是任务配置",
    "it is not UTF-8": "不是 UTF-8 编码",
    "it is not JSON: {cause}": "不是 JSON：{cause}",
    "task {number} is not a table of fields": "第 {number} 个任务不是由字段组成的对象",
    "task {number}: {key} is missing": "第 {number} 个任务：缺少 {key}",
    "task {number}: {key} is {value}; {wanted} is needed": "第 {number} 个任务：{key} 为 {value}；应为 {wanted}",
    "text": "文本",
    "a path that begins with /": "以 / 开头的路径",
    "true or false": "true 或 false",
    "a whole number from 0 on": "不小于 0 的整数",
    "a list of text": "文本列表",
    # What could not be carried over
    "its target is {kind}, not a folder; mount that drive, and make the task with cgctl task add": (
        "它的目标是 {kind}，不是文件夹；请先挂载该网盘，再用 cgctl task add 新建任务"
    ),
    'it was called "{name}", which cannot be the name of a task here': "原名为“{name}”，这里不能用作任务名",
    "{key} is not known": "不认识字段 {key}",
    "it sent every file again at each run; here only what differs goes (cgctl task run --overwrite)": (
        "原来每次都会重新上传所有文件；这里只上传有差异的（全部重传：cgctl task run --overwrite）"
    ),
    "it had no rule and so sent nothing; it is made with the rule missing, and paused": (
        "原来没有任何规则，因而什么也不上传；已按规则 missing 新建并暂停"
    ),
    "it ran every {n} seconds; 10 is the least here": "原来每 {n} 秒执行一次；这里最短为 10 秒",
    "its times ({expression}) are not carried over: {why}; it is made paused, without a schedule": (
        "定时（{expression}）无法导入：{why}；任务已新建并暂停，没有定时"
    ),
    "it does not have five fields": "不是五个字段",
    "it holds what standard cron does not have": "含有标准 cron 没有的写法",
    "it names a day that there is not": "含有不存在的星期",
    "it wants a day of the month and a day of the week at once, which standard cron cannot": (
        "同时要求日期和星期，标准 cron 无法表示"
    ),
    "these fit no file's suffix, and are left out: {suffixes}": "这些不会是文件后缀，已略去：{suffixes}",
    "it wanted files of listed suffixes and listed none, so it sent nothing; it is made paused": (
        "原来只上传所列后缀的文件，却没有列出任何后缀，因而什么也不上传；已新建并暂停"
    ),
    "it deleted files from the source after they were sent; this release deletes nothing": (
        "原来上传后会删除源文件；本版本不删除任何文件"
    ),
    "it made links ({mode}) instead of copies; here files are copied": "原来建立链接（{mode}）而不复制；这里一律复制",
    # What is true of all of them
    "They look at their times only, as the original did. To send a file as soon as it is complete: "
    "cgctl task edit NAME --set watch=true": (
        "任务仍和原来一样，只在设定的时间查看。如要文件一完成就上传：cgctl task edit 任务名 --set watch=true"
    ),
    "A file goes when it was left alone for 10 minutes (settle), not 5 seconds.": (
        "文件静默 10 分钟（settle）后才上传，而不是 5 秒。"
    ),
    "What was sent and is taken away from the target later is not sent again at the next run; "
    "cgctl task verify NAME finds it.": (
        "上传后又从目标移走的文件，下次执行时不再上传；用 cgctl task verify 任务名 可以查出。"
    ),
    "Files of the source that were due to be deleted ({n}) stay: this release deletes nothing.": (
        "原定删除的源文件（{n} 个）会保留：本版本不删除任何文件。"
    ),
}
