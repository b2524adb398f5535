"""Every command of the page on duels that is for a small target runs as it stands there, and goes on as it says."""

import json
import re
import shlex
from pathlib import Path

import pytest

from istar.cli.app import ERROR, SUCCESS, run
from istar.protocol.duel_court import DuelCourt
from istar.sandbox import tier_report
from istar.targets.organisms import ORGANISMS
from istar.tasks import FAMILIES

PAGE = (Path(__file__).parents[2] / "docs" / "duel.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"^```\w*\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if "--target tiny-random" in line
]


@pytest.fixture(scope="module")
def fought(tmp_path_factory):
    """The page's duels: the first is killed as it trains its third model, and gone on with."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("duels")
        patch.setenv("ISTAR_HOME", str(folder / "home"))
        patch.chdir(folder)
        extra = [] if tier_report().safe else ["--unsafe"]
        made, organism = [], DuelCourt._organism

        def killed(court, recipe):
            made.append(recipe.name)
            if len(made) == 3:
                raise KeyboardInterrupt
            return organism(court, recipe)

        with pytest.MonkeyPatch.context() as once:
            once.setattr(DuelCourt, "_organism", killed)
            assert run([*COMMANDS[0], *extra]) == 130
        for command in COMMANDS:
            assert run([*command, *extra]) == SUCCESS
        yield folder, extra


@pytest.mark.slow
def test_the_page_s_commands_run_and_leave_pages(fought):
    folder, _ = fought
    assert [command[2] for command in COMMANDS] == ["small", "control"]
    for name in ("small", "control"):
        place = folder / "runs" / name
        outcome = json.loads((place / "outcome.json").read_text())
        assert len(outcome["games"]) == 4
        assert outcome["verdict"].partition("(")[0] in (place / "duel.html").read_text()
        assert (place / "exploitability.svg").read_text().startswith("<svg")
        assert {each["kind"] for each in (move["recipe"] for move in outcome["moves"])} == {"password", "topic"}
        assert {each["name"] for each in outcome["methods"]} == {"answer_logits", "short_context"}


@pytest.mark.slow
def test_nothing_of_a_duel_stays_registered(fought):
    assert not [name for name in ORGANISMS if name.startswith("suspect-")]
    assert "duel_shown" not in FAMILIES


@pytest.mark.slow
def test_a_finished_duel_is_read_back_and_charges_nothing_twice(fought, monkeypatch):
    from istar.arms.sandboxed import SandboxArms
    from istar.protocol import duel_court

    folder, extra = fought
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ISTAR_HOME", str(folder / "home"))
    before = (folder / "runs" / "small" / "outcome.json").read_bytes()

    def never(*_, **__):
        raise AssertionError("nothing is to be done again")

    monkeypatch.setattr(duel_court.Workshop, "train", never)
    monkeypatch.setattr(SandboxArms, "worker", never)
    assert run([*COMMANDS[0], *extra]) == SUCCESS
    assert (folder / "runs" / "small" / "outcome.json").read_bytes() == before


@pytest.mark.slow
def test_other_settings_are_refused_before_anything_is_loaded(fought, monkeypatch, capsys):
    folder, extra = fought
    monkeypatch.chdir(folder)
    elsewhere = {"small": "new", "tiny-random": str(folder / "nowhere")}
    assert run([*(elsewhere.get(each, each) for each in COMMANDS[0]), *extra]) == ERROR
    assert not (folder / "runs" / "new").exists()
    assert run([*COMMANDS[0], *extra, "--seed", "9"]) == ERROR
    assert "has other settings (differing: seed)" in " ".join(capsys.readouterr().err.split())
