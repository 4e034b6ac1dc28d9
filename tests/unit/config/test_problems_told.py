"""What is wrong with a configuration is told in the reader's language, from a code and its facts."""

import pathlib
import re

import msgpack
import pytest

from cgwire.flaws import Flaw
from cgwire.text import EN, ZH_CN, sentence
from cloudgather.app import starting
from cloudgather.config.loading import load
from cloudgather.config.problems import InvalidConfiguration, Problem

MAIN = '[targets.c115]\nroot = "/CloudDrive/115"\n'
TASK = 'source = "/vol1/电影"\ntarget = "c115:电影"\n'


def problems_of(folder: pathlib.Path, *, main: str = MAIN, **tasks: str) -> tuple[Problem, ...]:
    (folder / "tasks.d").mkdir(exist_ok=True)
    for name, content in tasks.items():
        (folder / "tasks.d" / f"{name}.toml").write_text(content)
    (folder / "main.toml").write_text(f'{main}[daemon]\ntasks_dir = "{folder}/tasks.d"\n')
    try:
        return load(str(folder / "main.toml"), mounts=(), remembered_roots={}, environ={}).problems
    except InvalidConfiguration as invalid:
        return invalid.problems


def told(problem: Problem, folder: pathlib.Path, language: str) -> str:
    """As cgctl tells it."""
    wire = problem.to_wire()
    return f"{wire['where']}: {sentence(wire['reason'], language)}".removeprefix(f"{folder}/").removeprefix("tasks.d/")


MISTAKES = [
    (
        TASK + 'wach = true\n[filter]\nmin_sice = "50MiB"\n',
        "film.toml:3: wach: is unknown (did you mean watch?); known are catch_up, every, filter, if_gone, initial,"
        " priority, rescan, rules, schedule, send, settle, source, target, timezone, upload_window, watch, window_end",
        "film.toml:3: wach: 没有这个设置项（是不是想写 watch？）；可用的有：catch_up、every、filter、if_gone、initial、"
        "priority、rescan、rules、schedule、send、settle、source、target、timezone、upload_window、watch、window_end",
    ),
    (
        TASK + 'watch = "yes"\n',
        "film.toml:3: watch: text is not allowed here; use true or false",
        "film.toml:3: watch: 这里不能写文本；请用 true 或 false",
    ),
    (
        TASK + 'initial = "skip"\n',
        'film.toml:3: initial: "skip" is not allowed; use "send", "adopt", "ignore"',
        'film.toml:3: initial: 不能是 "skip"；可用的有："send"、"adopt"、"ignore"',
    ),
    (
        TASK + '[filter]\nmin_size = "50兆"\n',
        'film.toml:4: [filter] min_size: "50兆" is not a size; write it as "50MiB", "2GB" or a number of bytes',
        'film.toml:4: [filter] min_size: "50兆" 不是有效的大小；请写成 "50MiB"、"2GB"，或字节数',
    ),
    (
        TASK + 'schedule = "0 24 * * *"\n',
        "film.toml:3: schedule: hour: '24' is not allowed; use 0-23, *, ranges a-b, lists a,b, steps */n, H",
        "film.toml:3: schedule: 小时：不能是 '24'；请用 0-23，还可以用 *、范围 a-b、列表 a,b、步长 */n、H",
    ),
    (
        TASK + "every = 5\n",
        'film.toml:3: every: a number alone has no unit; write "5s" or "5m"',
        'film.toml:3: every: 只有数字，没有单位；请写 "5s"（秒）或 "5m"（分钟）',
    ),
    (
        'target = "c115:电影"\n',
        'film.toml: source: is missing; write for example source = "/vol1/downloads/电影"',
        'film.toml: source: 缺少此项；例如：source = "/vol1/downloads/电影"',
    ),
    (
        'source = "/vol1"\ntarget = "c151:电影"\n',
        'film.toml:2: target: there is no target "c151" (did you mean c115?); known are c115; or write a path that'
        " begins with /",
        "film.toml:2: target: 没有名为“c151”的目标（是不是想写 c115？）；已配置的有 c115；也可以写以 / 开头的路径",
    ),
    (
        'source = "/vol1"\ntarget = "/vol1/电影"\n',
        "film.toml:2: target: lies inside the source; what is sent would be sent again",
        "film.toml:2: target: 在源文件夹里面，上传的文件会再次被上传",
    ),
    (
        TASK + 'upload_window = "1-7"\n',
        'film.toml:3: upload_window: "1-7" is not a window; write it as "01:00-07:00" (it may pass midnight:'
        ' "23:00-06:00")',
        'film.toml:3: upload_window: "1-7" 不是有效的时段；请写成 "01:00-07:00" 这样（可以跨过午夜："23:00-06:00"）',
    ),
    (
        'source = /vol1\ntarget = "c115:电影"\n',
        "film.toml:1: is not TOML: invalid value",
        'film.toml:1: 不符合 TOML 语法：值的写法不对：文本要加半角引号 "…"，是与否写 true 或 false（“invalid value”）',
    ),
    (
        TASK + "[filter]\n[filter]\n",
        "film.toml:4: is not TOML: [filter] is there twice; write all its keys below one of them",
        "film.toml:4: 不符合 TOML 语法：[filter] 出现了两次；请把设置项都写在其中一个下面",
    ),
]


@pytest.mark.parametrize(("content", "english", "chinese"), MISTAKES)
def test_a_mistake_in_a_task_is_told_in_both_languages(
    tmp_path: pathlib.Path, content: str, english: str, chinese: str
) -> None:
    problem = problems_of(tmp_path, film=content)[0]

    assert told(problem, tmp_path, EN) == english
    assert told(problem, tmp_path, ZH_CN) == chinese
    assert problem.text == f"{tmp_path}/tasks.d/{english}"


def test_names_too_alike_are_told_in_both_languages(tmp_path: pathlib.Path) -> None:
    (problem,) = problems_of(tmp_path, film=TASK, Film=TASK)

    assert sentence(problem.reason.to_wire(), EN).startswith('the task "film" differs from "Film" in upper and lower')
    assert sentence(problem.reason.to_wire(), ZH_CN) == (
        "任务“film”与“Film”只有大小写或 Unicode 形式不同；请将其中一个文件改名或删除"
    )


def test_a_file_that_cannot_be_read_is_told_in_both_languages(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        load(str(tmp_path / "no.toml"), mounts=(), remembered_roots={}, environ={})
    (problem,) = caught.value.problems

    assert told(problem, tmp_path, EN) == "no.toml: cannot read: No such file or directory"
    assert told(problem, tmp_path, ZH_CN) == "no.toml: 无法读取：不存在"


@pytest.mark.parametrize(("locale", "said"), [("C", "is not a plain file"), ("zh_CN.UTF-8", "不是普通文件")])
def test_the_daemons_program_tells_it_in_the_language_of_the_locale(
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    locale: str,
    said: str,
) -> None:
    monkeypatch.setenv("LC_ALL", locale)

    code = starting.check(str(tmp_path), as_json=False)

    assert (code, capsys.readouterr().err) == (starting.Exit.CONFIG, f"{tmp_path}: {said}\n")


def test_the_words_of_somebody_else_stay_as_they_are(tmp_path: pathlib.Path) -> None:
    digits = "9" * 5000  # more than int() takes

    (problem,) = problems_of(tmp_path, film=TASK + f'schedule = "*/{digits} * * * *"\n')

    assert "Exceeds the limit" in told(problem, tmp_path, EN)
    assert told(problem, tmp_path, ZH_CN).startswith("film.toml:3: schedule: 无法识别：“Exceeds the limit")


def test_a_reason_travels(tmp_path: pathlib.Path) -> None:
    problems = [problem for content, _, _ in MISTAKES for problem in problems_of(tmp_path, film=content)]

    for problem in problems:
        assert msgpack.unpackb(msgpack.packb(problem.to_wire())) == problem.to_wire()


def test_every_flaw_can_be_found() -> None:
    daemon = pathlib.Path(__file__).parents[3] / "daemon" / "cloudgather"
    sources = "\n".join(file.read_text() for file in (*daemon.glob("config/*.py"), *daemon.glob("core/*.py")))

    assert [flaw for flaw in Flaw if not re.search(rf"\bFlaw\.{flaw.name}\b", sources)] == []
