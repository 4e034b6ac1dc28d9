"""What the commands of cgctl and cloudgatherd do, in simplified Chinese, by the English, a paragraph each."""

from collections.abc import Mapping
from typing import Final

HEADINGS: Final[Mapping[str, str]] = {
    "Usage": "用法",
    "Options": "选项",
    "Commands": "命令",
    "Examples": "示例",
}

COMMANDS: Final[Mapping[str, str]] = {
    # cgctl
    "Look at and steer CloudGather, which sends finished downloads to a cloud drive.": (
        "查看和控制 CloudGather；它把下载完成的文件上传到网盘"
    ),
    "what is going on": "现在的情况",
    "why this file is where it is": "这个文件为什么处于现在的状态",
    "make a task; asks for what it needs": "建立任务，会询问所需的内容",
    "look for what commonly goes wrong": "检查常见问题",
    "Exit codes: 0 ok 1 it failed 2 wrong usage 3 the daemon cannot be reached 4 not allowed "
    "5 no such thing (task, download, path ...) 130 interrupted 141 nobody reads on (a closed pipe)": (
        "退出码：\n"
        "  0 成功    1 失败    2 用法有误    3 无法连接守护进程    4 没有权限\n"
        "  5 没有找到（任务、下载任务、路径等）    130 被中断\n"
        "  141 输出无人接收（管道已关闭）"
    ),
    "Make, change and run tasks.": "建立、修改和执行任务",
    "Look at and steer the queue.": "查看和控制上传队列",
    "Look at and test the places files go to.": "查看和测试目标，即文件上传到的地方",
    "Have something downloaded and uploaded.": "提交下载任务，下载完成后上传",
    "Look at and test the downloaders that are asked.": "查看和测试可询问的下载器",
    "Look at past runs.": "查看执行记录",
    "Check, show and reload the configuration.": "检查、显示和重新读取配置",
    "Take over the tasks of another program.": "导入其他程序的任务",
    # setup
    "Set up the service: who runs it, where files go.": "设置服务：以谁运行、上传到哪里",
    "Set up the service: who runs it, where files go, a first task.": "设置服务：以谁运行、上传到哪里，以及第一个任务",
    "Finds out as whom the daemon can read your downloads and write to your cloud drive, writes that down for systemd, "
    "adds the target, starts the service, runs the doctor and a test of the target as the daemon's user, and makes a "
    "task. Asks for what is not given; says what it is going to change before it does. Run again, it changes only what "
    "has changed. It needs root: sudo cgctl setup.": (
        "找出守护进程以哪个用户运行才能读取你的下载文件、写入你的网盘，为 systemd 写好设置，添加目标，启动服务，"
        "以守护进程的用户检查常见问题、测试目标，并建立一个任务。没有给出的会询问；先说明将要更改什么，然后才更改。"
        "再次运行时，只更改有变化的部分。需要 root 权限：sudo cgctl setup。"
    ),
    # status, watch, why, upload
    "Show what is going on, in a screenful.": "用一屏显示全部情况",
    "Daemon, targets, tasks with their next run and last result, what moves, what waits and why, and what failed. "
    "Exits with 3 if the daemon is down. Whoever is in no group of the daemon's sees numbers only.": (
        "包括守护进程、目标、各任务的下次执行和上次结果，以及正在上传什么，什么在等待、为什么，什么失败了。守护进程"
        "没有运行时，退出码为 3。没有被授予权限的用户只能看到概况数字。"
    ),
    "Show the status again and again.": "不断刷新显示全部情况",
    "Show the status again and again, until Ctrl-C.": "不断刷新显示全部情况，直到按 Ctrl-C",
    "Explain why a file is where it is.": "说明文件为什么处于现在的状态",
    "Explain why a file is where it is: uploaded, waiting, skipped or failed.": (
        "说明文件为什么处于现在的状态：已上传、等待中、已跳过或失败"
    ),
    "Shows which task it belongs to, each condition for being complete, its place in the queue and what holds it, and "
    "what would help.": (
        "显示它属于哪个任务，判断它是否完整的每个条件，它在队列中的位置，是什么让它等待，以及怎么办。"
    ),
    "Upload files or folders now.": "立即上传文件或文件夹",
    "Upload files or folders now; they must lie in the source of a task.": (
        "立即上传文件或文件夹；它们必须在某个任务的源文件夹里"
    ),
    "A file that does not look complete still waits until it does, unless you say --skip-settle.": (
        "看起来不完整的文件仍会等到完整为止，除非加上 --skip-settle。"
    ),
    # task
    "Make a task; asks for what is not given.": "建立任务；没有给出的会询问",
    "Make a task: a folder whose finished files go to a cloud drive.": (
        "建立任务：把一个文件夹里下载完成的文件上传到网盘"
    ),
    "On a terminal it asks for what is not given, shows what would go, and asks before anything is written. Elsewhere "
    "--from and --to are needed.": (
        "在终端上运行时，没有给出的会询问；先显示将要上传的内容，确认之后才写入。不在终端上时，"
        "必须给出 --from 和 --to。"
    ),
    "List the tasks.": "列出任务",
    "Show one task in full.": "显示一个任务的全部情况",
    "Show one task in full: its settings, state and last runs.": "显示一个任务的全部情况：设置、状态和最近的执行",
    "Edit a task's file, checked before it is taken.": "编辑任务的文件，检查无误才会采用",
    "Edit a task's file in $VISUAL or $EDITOR; it is checked before it is taken.": (
        "用 $VISUAL 或 $EDITOR 编辑任务的文件；检查无误才会采用"
    ),
    "With errors in it, you may edit again, keep the text aside, or discard it.": (
        "有错误时，可以再次编辑、另存文本，或者放弃。"
    ),
    "Hold a task back.": "暂停任务",
    "Hold a task back: no run starts, none of its files is sent, until `task resume`.": (
        "暂停任务：不再执行，也不上传它的任何文件，直到 cgctl task resume"
    ),
    "A file that is being copied is interrupted and goes back into the queue.": "正在上传的文件会被中断，回到队列里。",
    "Let a paused task go on.": "让暂停的任务继续",
    "Remove a task; nothing is deleted but its file.": "删除任务；除任务自己的文件外，什么都不删除",
    "Remove a task: what it has queued is cancelled and its file removed.": (
        "删除任务：取消它排队的上传项，并删除任务自己的文件"
    ),
    "No file of yours is touched, here or at the target.": "你的文件一个也不动，无论在本地还是在目标上。",
    "Scan a task's source now.": "立即扫描任务的源文件夹",
    "Scan a task's source now, and send what should go.": "立即扫描任务的源文件夹，并上传该上传的文件",
    "Compare records, source and target for real.": "实际比对上传记录、源和目标",
    "Compare the records with the source and the target for real.": "把上传记录与源、目标实际比对",
    "This lists the target's folders, once each. Exits with 1 if something is missing or differs there.": (
        "会列出目标上的文件夹，每个只列一次。目标上有缺少或不同的文件时，退出码为 1。"
    ),
    "Show when a task runs next.": "显示任务下次什么时候执行",
    # queue
    "List transfers.": "列出上传项",
    "List transfers: what moves, what waits in the order in which it goes, and what has ended, newest first.": (
        "列出上传项：正在上传的；等待中的，按上传的先后顺序；已结束的，最新的在前"
    ),
    "Show one transfer and its history.": "显示一个上传项和它的历史",
    "Try failed or waiting transfers now.": "立即重试失败或等待中的上传项",
    "Try failed and cancelled transfers again, and waiting ones at once.": (
        "重试失败和已取消的上传项；等待中的立即再试"
    ),
    "Cancel transfers.": "取消上传项",
    "Cancel transfers. They stay so until the file changes or `queue retry`.": (
        "取消上传项；之后不再上传，直到文件有变化，或执行 cgctl queue retry"
    ),
    "Let transfers go before all others.": "让上传项先于其他所有上传项",
    "Let transfers go before all others of their target.": "让上传项先于同一目标的其他所有上传项",
    "Take ended transfers out of the list.": "从列表中清除已结束的上传项",
    "Take ended transfers out of the list; what was uploaded stays on record.": (
        "从列表中清除已结束的上传项；上传记录仍然保留"
    ),
    "Start no transfer until resumed.": "暂停队列，不再开始上传",
    "Start no transfer until `queue resume`; running ones are interrupted and go back into the queue.": (
        "暂停队列，不再开始上传，直到 cgctl queue resume；正在上传的会被中断，回到队列里"
    ),
    "Let a paused queue go on.": "让暂停的队列继续",
    # target
    "List the targets.": "列出目标",
    "Show one target in full.": "显示一个目标的全部情况",
    "Show one target in full: settings, what is mounted there, what `test` found.": (
        "显示一个目标的全部情况：设置、那里的挂载、上次测试的结果"
    ),
    "Write, read and remove a probe file there.": "在目标上写入、读取并删除一个测试文件",
    "Write, read, rename and remove a probe file at a target, and measure.": (
        "在目标上写入、读取、改名并删除一个测试文件，同时测量速度"
    ),
    "Names the usual traps with their remedy. Exits with 1 if a step failed.": (
        "会指出常见问题和解决办法。有步骤失败时，退出码为 1。"
    ),
    "Take what is mounted there now as the right one.": "接受目标现在的挂载，以它为准",
    "Take the file system that is mounted at a target now as the right one.": (
        "接受目标现在挂载的文件系统，今后以它为准"
    ),
    "Needed when another one is mounted there than was first seen, on purpose.": (
        "如果有意换了挂载，现在的与第一次看到的不是同一个，就需要执行此命令。"
    ),
    "Send nothing there until resumed.": "暂停目标，不再向它上传",
    "Send nothing to a target until `target resume`; running transfers are interrupted and go back into the queue.": (
        "暂停目标，不再向它上传，直到 cgctl target resume；正在上传的会被中断，回到队列里"
    ),
    "Let a paused target go on.": "让暂停的目标继续",
    "Let a paused target go on, and try one that failed at once.": "让暂停的目标继续；因故障停下的目标立即再试",
    "Have another bandwidth for a while.": "临时调整限速",
    "Upload faster or slower than configured for a while.": "临时调整限速，比配置的更快或更慢",
    "Takes effect at once, on running transfers too, and lasts over a restart.": (
        "立即生效，对正在上传的也有效；守护进程重启之后仍然有效。"
    ),
    # download
    "Download links and torrents, and upload the result.": "下载链接和种子，完成后上传",
    "Download magnet links, torrents, or files of the web, and upload the result.": (
        "下载磁力链接、种子或网上的文件，完成后上传"
    ),
    "A link is a magnet link, or an address that begins with http, https or ftp (those need an aria2). Anything else "
    "is a torrent file; `-` reads one from standard input.": (
        "链接可以是磁力链接，或以 http、https、ftp 开头的网址（后者需要 aria2）。其他的都视为种子文件；"
        "- 表示从标准输入读取一个种子文件。"
    ),
    "List downloads.": "列出下载任务",
    "List downloads: your own, or all if you may operate the daemon.": "列出下载任务：你自己的；有操作权限时列出全部",
    "Show one download and its history.": "显示一个下载任务和它的历史",
    "List a download's files.": "列出下载任务的文件",
    "List a download's files with the numbers that `download select` takes.": (
        "列出下载任务的文件，以及 cgctl download select 所用的编号"
    ),
    "Choose which files are downloaded.": "选择下载哪些文件",
    "Choose which files are downloaded; one that waits for this begins.": (
        "选择下载哪些文件；等待选择的下载任务随即开始"
    ),
    "Let a download rest.": "暂停下载任务",
    "Let a paused download go on.": "让暂停的下载任务继续",
    "Try a failed download again.": "重试失败的下载任务",
    "Try a failed download again; what is complete is only uploaded again.": (
        "重试失败的下载任务；已下载完整的只重新上传"
    ),
    "End a download and remove what is here of it.": "结束下载任务，并删除它在本地的内容",
    "End a download and remove what is here of it; what was uploaded stays at the target.": (
        "结束下载任务，并删除它在本地的内容；已上传的仍保留在目标上"
    ),
    # downloader
    "List the downloaders.": "列出下载器",
    "Show one downloader in full.": "显示一个下载器的全部情况",
    "Show one downloader in full, with what it has not completed.": "显示一个下载器的全部情况，以及它未完成的内容",
    "Ask it anew, and look for its folders.": "重新询问下载器，并查找它的文件夹",
    "Ask a downloader anew, and look whether its folders are found here.": (
        "重新询问下载器，并检查在这里能否找到它的文件夹"
    ),
    "Names what is wrong with address, password, version or paths, and the remedy. Exits with 1 if something is.": (
        "会指出地址、密码、版本或路径有什么问题，以及解决办法。有问题时，退出码为 1。"
    ),
    "Look for some at the usual ports.": "在常用端口上查找下载器",
    "Look for downloaders at the usual ports of the daemon's machine.": "在守护进程所在机器的常用端口上查找下载器",
    "Prints what to put into the main file for each. Nobody is shown a password.": (
        "找到的每一个，都给出应写入主配置文件的内容。查找时不会向任何程序发送密码。"
    ),
    # run, history, logs
    "List the last runs.": "列出最近的执行记录",
    "List the last runs, newest first.": "列出最近的执行记录，最新的在前",
    "Show one run and its transfers.": "显示一次执行和它的上传项",
    "Show what has happened.": "显示发生过什么",
    "Show what has happened, newest first: of all files, or of one.": (
        "显示发生过什么，最新的在前：所有文件的，或某个文件的"
    ),
    "Show the log of the daemon, a task or a run.": "显示守护进程、任务或某次执行的日志",
    "Show the log of the daemon, of a task or of a run.": "显示守护进程、任务或某次执行的日志",
    # config, doctor
    "Check the configuration; the daemon need not run.": "检查配置；守护进程不必在运行",
    "Check a configuration file and the tasks that belong to it.": "检查配置文件和属于它的任务",
    "Every error is named with its file, line, table and key. The daemon need not run. Exits with 1 if there are "
    "errors.": "指出每处错误所在的文件、行、表和设置项。守护进程不必在运行。有错误时，退出码为 1。",
    "Show the configuration in effect.": "显示当前生效的配置",
    "Show the configuration in effect, every default filled in.": "显示当前生效的配置，包括所有默认值",
    "Make the daemon read its configuration again.": "让守护进程重新读取配置",
    "An invalid file changes nothing: the old configuration runs on.": (
        "文件有错误时，什么都不会改变：原来的配置继续有效。"
    ),
    "Look for what commonly goes wrong.": "检查常见问题",
    "Look for what commonly goes wrong, each with its remedy.": "检查常见问题，并逐一给出解决办法",
    "inotify limits, mounts, permissions, free space, leases, clock, database, downloaders and configuration. Asks the "
    "daemon; while it is down, looks from outside, and not at downloaders. Exits with 1 if something is bad.": (
        "检查 inotify 的上限、挂载、权限、剩余空间、能否得知文件是否仍在写入、时钟、数据库、下载器和配置。"
        "由守护进程检查；它没有运行时，从外部检查，而且不检查下载器。有问题时，退出码为 1。"
    ),
    # import
    "Make the tasks of the original CloudGather.": "导入原版 CloudGather 的任务",
    "Make the tasks of the original CloudGather's tasks.json.": "按原版 CloudGather 的 tasks.json 新建任务",
    "Says of each task what could not be carried over, and why. Either all of them are made or none is; those that are "
    "there already stay as they are. None runs before all of them are made.": (
        "每个任务有哪些设置没能带过来、为什么，都会说明。要么全部新建，要么一个也不建；已有的任务保持原样。"
        "全部建好之前，一个也不会执行。"
    ),
    # completion, version
    "Print a completion script for a shell.": "输出 shell 的命令补全脚本",
    "Print a completion script for a shell; task and target names are completed too.": (
        "输出 shell 的命令补全脚本；任务名和目标名也能补全"
    ),
    "Show the versions of cgctl and the daemon.": "显示 cgctl 和守护进程的版本",
    "Show the versions of cgctl and of the daemon, which may be down.": (
        "显示 cgctl 和守护进程的版本；守护进程没有运行也可以"
    ),
    # cloudgatherd
    "Send every finished download to a mounted cloud drive, unattended.": (
        "把每个下载完成的文件自动上传到已挂载的网盘，无需照看"
    ),
    "Runs in the foreground, as any user, until SIGTERM or Ctrl-C; SIGHUP reads the configuration again. Everything it "
    "writes is where FILE says, so that several daemons can run side by side. Control it with cgctl.": (
        "在前台运行，任何用户都可以，直到收到 SIGTERM 或按 Ctrl-C；收到 SIGHUP 时重新读取配置。它写入的一切都在配置文件"
        "指定的位置，因此可以同时运行多个守护进程。用 cgctl 控制它。"
    ),
}
