"""Steady churn with faults: what the daemon holds levels off, and in the end everything has arrived."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from churn.gauges import BOUNDS, KIB, Sample, why_not_measured
from churn.levelling import growth
from churn.long_run import LongRun, long_run
from churn.telling import table
from fuse.sickmount import needs_sick

pytestmark = [needs_sick, pytest.mark.skipif(why_not_measured() is not None, reason=str(why_not_measured()))]

SEED = int(os.environ.get("CLOUDGATHER_SEED", "1"))
MINUTES = max(1.0, float(os.environ.get("CLOUDGATHER_MINUTES", "30")))
WARM = 5  # minutes until the long one counts; the short one allows itself less, and takes in more noise


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_two_minutes_of_everything_leave_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything(tmp_path, capsys, minutes=2, warm=0.35, peace=300)


@pytest.mark.full
@pytest.mark.stress
@pytest.mark.timeout(MINUTES * 60 + 900)
def test_half_an_hour_of_everything_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything(tmp_path, capsys, minutes=MINUTES, warm=min(0.35, WARM / MINUTES), peace=300)


def everything(folder: Path, capsys: pytest.CaptureFixture[str], *, minutes: float, warm: float, peace: float) -> None:
    """What is measured counts after the share `warm` of the time."""
    with long_run(folder, SEED) as churn:
        churn.fill()
        churn.go(minutes * 60)
        while not is_enough(churn, warm):  # on a busy machine
            churn.go(20)
        samples, settled = churn.samples, settled_of(churn, warm)
        work = settled[-1].work - settled[0].work
        grown = {name: growth([(each.work, each.values[name]) for each in settled]) for name in BOUNDS}
        with capsys.disabled():
            sys.stdout.write(f"\nseed {SEED}: {churn.told()}\n{table(samples, settled, grown)}\n")
        churn.peace(within=peace)

        assert churn.clouds.struck > 0
        assert churn.agents_killed > 0
        assert {name: by for name, by in grown.items() if by > BOUNDS[name].allowed(work)} == {}
        said = churn.running.said()
        assert "bug of ours" not in said
        assert "Traceback" not in said


def settled_of(churn: LongRun, warm: float) -> Sequence[Sample]:
    return churn.samples[int(len(churn.samples) * warm) :]


def is_enough(churn: LongRun, warm: float) -> bool:
    """Whether a leak of 1 KiB a transfer, or of a descriptor in a hundred, would be noticed by now."""
    settled = settled_of(churn, warm)
    work = settled[-1].work - settled[0].work
    return BOUNDS["daemon: memory"].notices(KIB, work) and BOUNDS["daemon: descriptors"].notices(0.01, work)
