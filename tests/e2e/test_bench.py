"""script/bench: what it measures with still works, and a line that fails costs the others nothing."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_a_line_whose_peer_is_missing_is_told_of_and_the_others_are_in_the_table(tmp_path: Path) -> None:
    nothing = tmp_path / "bin"  # no inotifywait, which line h compares with
    nothing.mkdir()

    done = subprocess.run(
        [sys.executable, "bench", "--only", "e,h", "--quick", "--runs", "1", "--below", tmp_path, "--disk", tmp_path],
        cwd=_ROOT,
        env={**os.environ, "PATH": str(nothing)},
        capture_output=True,
        text=True,
        check=False,
    )

    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| e |")]
    assert [row[1:3:2] for row in rows] == [["`cgctl status`"]], done.stderr
    assert "**Line h has failed:** Wrong: inotifywait is not installed" in done.stdout
    assert done.returncode == 1
    assert not list(tmp_path.glob("cg-bench-*"))
