"""The worked example of docs/audit.md runs as it stands there."""

import re
from pathlib import Path

import pytest

from figures.cli import main

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "audit.md"


@pytest.mark.slow
def test_the_example_runs(tmp_path, monkeypatch, capsys):
    """Two of its ten generations."""
    text = DOCUMENT.read_text(encoding="utf-8")
    script = re.search(r"```python\n(.*?)```", text, re.S)[1]
    command = re.search(r"```sh\ndriftlab (.*?)\n```", text)[1].split()
    assert (DOCUMENT.parent / re.search(r"\]\((\S+\.png)\)", text)[1]).is_file()
    monkeypatch.chdir(tmp_path)
    exec(script.replace("range(1, 11)", "range(1, 3)"), {})
    at = command.index("g*.npy")
    arguments = (
        command[:at] + sorted(map(str, Path().glob("g*.npy"))) + command[at + 1 :]
    )
    assert main(arguments) == 0
    assert "2 generations against real.npy: 880 points" in capsys.readouterr().out
