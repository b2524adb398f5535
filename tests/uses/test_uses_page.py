"""Every command of the page on uses runs as it stands there, in order, in one folder."""

import os
import re
import shlex
from pathlib import Path

import pytest

from istar.cli.app import SUCCESS, run
from plugged import plugged

PAGE = (Path(__file__).parents[2] / "docs" / "uses.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for block in re.findall(r"^```\w*\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line.startswith("istar ")
]


@pytest.mark.slow
def test_the_page_s_commands_run(home, unsafe, tmp_path, monkeypatch, capsys):
    (judge,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "my_judge.py").write_text(judge)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISTAR_PLUGINS", "")
    assert {command[1] for command in COMMANDS if command[0] == "use"} == {"task", "bad-contexts", "resample"}
    shown = []
    with plugged():
        for command in COMMANDS:
            extra = ["--unsafe"] if unsafe and command[0] == "use" else []
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
    assert all((tmp_path / f"{name}.svg").read_text().startswith("<svg") for name in ("task", "pressure", "policies"))
