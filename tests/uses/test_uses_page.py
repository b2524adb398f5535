"""Every command of the page on uses runs as it stands there, in order, in one folder."""

import os
import re
import shlex
from pathlib import Path

import pytest
import small_sandbags

from istar.cli.app import SUCCESS, run
from istar.targets import load_target
from istar.uses import far_evidence
from plugged import plugged

PAGE = (Path(__file__).parents[2] / "docs" / "uses.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for block in re.findall(r"^```\w*\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line.startswith("istar ")
]
PICTURES = ("task", "pressure", "policies", "anomalies", "horizon")


@pytest.mark.slow
def test_the_page_s_commands_run(home, unsafe, tmp_path, monkeypatch, capsys):
    """Those about SmolLM2's organisms are asked of small ones, and horizons end at twice the length."""
    (judge,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "my_judge.py").write_text(judge)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISTAR_PLUGINS", "")
    monkeypatch.setattr(far_evidence, "TIMES", (1, 2))
    assert {command[1] for command in COMMANDS if command[0] == "use"} == {
        *("task", "bad-contexts", "resample", "anomalies", "horizon"),
    }
    shown = []
    (tmp_path / "organisms").mkdir()
    organisms = small_sandbags.make(tmp_path / "organisms", load_target("tiny-text"), ("mute", "coy", "blank", "dull"))
    with plugged(organisms):
        for command in COMMANDS:
            extra = ["--unsafe"] if unsafe and command[0] == "use" else []
            extra += ["--target", "tiny-text", "--words", "10"] if command[:2] == ["use", "anomalies"] else []
            assert run([*command, *extra]) == SUCCESS, capsys.readouterr().err
            shown.append(" ".join(capsys.readouterr().out.split()))
        with plugged(tmp_path / "said_again.py"):
            pass
    assert os.environ["ISTAR_PLUGINS"].endswith("said_again.py") or not os.environ["ISTAR_PLUGINS"]
    told = "\n".join(shown)
    assert "how many times fewer FLOPs" in told
    assert "no reward takes its score" in told
    assert "stop at" in told
    assert "KL(M || M')" in told
    assert "KL(M' || M)" in told
    assert "17 scores are tested at once" in told
    assert "there is nothing that could transfer" in told
    assert all((tmp_path / f"{name}.svg").read_text().startswith("<svg") for name in PICTURES)
