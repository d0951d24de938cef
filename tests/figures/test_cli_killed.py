"""A figure killed at random moments and resumed ends with the same bytes."""

import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

APART = {"timing.json", "lock"}  # dates and seconds; who holds the run


def command(figure: str, out: Path) -> list[str]:
    return [
        sys.executable, "-m", "figures.cli", "figures", figure,
        "--preset", "smoke", "--out", str(out),
    ]  # fmt: skip


def contents(out: Path) -> dict[str, str]:
    files = (p for p in sorted((out / "results").rglob("*")) if p.is_file())
    return {
        str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in files
        if p.name not in APART
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("figure", ["ep1", "ep7"])
def test_killed_ten_times_and_resumed_gives_the_same_bytes(figure, tmp_path):
    rng = random.Random(7)
    began = time.monotonic()
    subprocess.run(command(figure, tmp_path / "whole"), check=True, capture_output=True)
    took = time.monotonic() - began

    broken, killed = tmp_path / "broken", 0
    while killed < 10:
        process = subprocess.Popen(
            command(figure, broken),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=rng.uniform(0.1 * took, 0.9 * took))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        else:  # it got through: start over, the kills count all the same
            assert process.returncode == 0
            assert contents(broken) == contents(tmp_path / "whole")
            broken = tmp_path / f"broken{killed}"
    subprocess.run(command(figure, broken), check=True, capture_output=True)
    assert contents(broken) == contents(tmp_path / "whole")
