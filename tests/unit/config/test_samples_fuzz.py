"""The samples with something wrong in them: what is refused is refused by file and key, and never with a traceback."""

import contextlib
import io
import json
import pathlib
import re
import tempfile
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgather.app import starting
from cloudgather.config.loading import load
from cloudgather.config.problems import InvalidConfiguration, Problem, Wrong

ETC = pathlib.Path(__file__).parents[3] / "etc"
_KEY = re.compile(r'(?m)^([a-z_]+) = (?:"[^"\n]*"|\[[^\n]*\]|[^\s#]+)')


def _whole(sample: str) -> str:
    """With every key that is commented out."""
    return re.sub(r"(?m)^#(?=[\[a-z])", "", (ETC / sample).read_text())


MAIN, TASK = _whole("cloudgather.toml"), _whole("tasks.d/example.toml.sample")
_SOME = settings(max_examples=settings().max_examples // 2)  # each reads the samples three times
_LITERALS = (
    "0", "-1", "7", "1.5", "nan", "1e400", "true", '""', '"x"', '"/"', '"\\u0000"', '"~"', "[]", '["x"]', "[1]", "{}",
    "{ a = 1 }", "2026-11-21", "00:00:00", '"99999999999999999999h"', '"c115:.."', "9" * 30, "''' '''", "[[]]",
)  # fmt: skip


def problems_of(main: bytes, task: bytes) -> tuple[Problem, ...]:
    """What loading them says; the same as `cloudgatherd --check` prints. Every problem names its file."""
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "tasks.d").mkdir()
        (place / "tasks.d" / "film.toml").write_bytes(task)
        main = main.replace(b"/etc/cloudgather/tasks.d", folder.encode() + b"/tasks.d")
        (place / "main.toml").write_bytes(main)
        try:
            problems = load(str(place / "main.toml"), mounts=(), remembered_roots={}, environ={}).problems
        except InvalidConfiguration as invalid:
            problems = invalid.problems
            assert problems
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            codes = [starting.check(str(place / "main.toml"), as_json=as_json) for as_json in (True, False)]
        assert set(codes) <= {starting.Exit.OK, starting.Exit.CONFIG}
        assert len(json.loads(out.getvalue())["problems"]) == len(err.getvalue().splitlines())
        for problem in problems:
            assert problem.text.startswith(folder)
            assert problem.key or problem.table or problem.code in (Wrong.FILE, Wrong.SYNTAX, Wrong.NAME)
        return problems


def keys_of(text: str) -> Sequence[re.Match[str]]:
    return list(_KEY.finditer(text))


def told(problems: Sequence[Problem], key: str) -> bool:
    """Whether one of them is about this key, or names it."""
    return any(key == problem.key or key in problem.message for problem in problems)


@_SOME
@given(st.data(), st.booleans(), st.sampled_from(_LITERALS))
def test_a_wrong_value_is_refused_by_the_name_of_its_key(data: st.DataObject, of_task: bool, literal: str) -> None:
    text = TASK if of_task else MAIN
    found = data.draw(st.sampled_from(keys_of(text)))
    broken = f"{text[: found.start()]}{found[1]} = {literal}{text[found.end() :]}".encode()
    before = problems_of(MAIN.encode(), TASK.encode())

    problems = problems_of(MAIN.encode(), broken) if of_task else problems_of(broken, TASK.encode())

    new = {problem.message for problem in problems} - {problem.message for problem in before}
    assert not new or found[1] in ("root", "tasks_dir") or told(problems, found[1])


@_SOME
@given(st.data(), st.booleans())
def test_a_misspelt_key_is_named(data: st.DataObject, of_task: bool) -> None:
    text = TASK if of_task else MAIN
    found = data.draw(st.sampled_from(keys_of(text)))
    broken = f"{text[: found.start()]}x{text[found.start() :]}".encode()

    problems = problems_of(MAIN.encode(), broken) if of_task else problems_of(broken, TASK.encode())

    assert any(problem.key == "x" + found[1] and problem.code == Wrong.UNKNOWN for problem in problems)


mutations = st.lists(
    st.tuples(
        st.sampled_from(["delete", "double", "swap", "insert", "cut"]),
        st.integers(0, 400),
        st.integers(0, 400),
        st.binary(max_size=3) | st.sampled_from([b"=", b"[", b"]", b'"', b"#", b"\n", b"[[", b"\xff", b"\r", b"'''"]),
    ),
    min_size=1,
    max_size=4,
)


def mutated(content: bytes, changes: Sequence[tuple[str, int, int, bytes]]) -> bytes:
    """Lines deleted, doubled, exchanged; bytes put in anywhere; the end cut off."""
    for change, one, other, piece in changes:
        lines = content.splitlines(keepends=True) or [b""]
        one, other = one % len(lines), other % len(lines)
        match change:
            case "delete":
                del lines[one]
            case "double":
                lines.insert(other, lines[one])
            case "swap":
                lines[one], lines[other] = lines[other], lines[one]
            case "insert":
                at = other % (len(lines[one]) + 1)
                lines[one] = lines[one][:at] + piece + lines[one][at:]
            case "cut":
                del lines[max(one, other) :]
        content = b"".join(lines)
    return content


@_SOME
@given(mutations, mutations)
def test_whatever_is_done_to_the_samples_ends_in_sentences(
    of_main: list[tuple[str, int, int, bytes]], of_task: list[tuple[str, int, int, bytes]]
) -> None:
    problems_of(mutated(MAIN.encode(), of_main), mutated(TASK.encode(), of_task))
