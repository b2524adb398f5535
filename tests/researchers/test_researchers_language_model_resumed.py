"""Searches by a language model that are killed, resumed, ended by a budget, and replayed without the model."""

import json

import pytest
import scripts
from scripts import ASKED, METHOD, SCRIPTS, call, write

from istar.chat import TRANSCRIPT_FILE, ChatError, ReplayError, TranscriptError, read_transcript
from istar.ledger import Ledger
from istar.researchers import LanguageModelResearcher, NothingNewError
from istar.testing.practice import RUN, PracticeArms, practice_search

METHODS = 4


def wordy(messages, seed):
    """Read, fail, and then write or edit a method: three requests for each proposal."""
    said = sum(each.role == "assistant" for each in messages)
    if said == 0:
        return [call("read_page", page="runs")]
    return write("import os\n" + METHOD.format(number=seed)) if said == 1 else scripts.counter(messages, seed)


@pytest.fixture(autouse=True)
def script(monkeypatch):
    """Models that count, and may be killed."""
    ASKED.clear()
    monkeypatch.setitem(SCRIPTS, "wordy", wordy)


class Killed(PracticeArms):
    """Arms that are killed with the search at a question."""

    def __init__(self, after):
        super().__init__()
        self.left = after

    def asked(self, what):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def search(folder, *, methods=METHODS, arms=None, side_by_side=1, **options):
    """Search in a folder, or go on there; return the outcome and all that is in the ledger."""
    folder.mkdir(exist_ok=True)
    researcher = LanguageModelResearcher(**{"model": "wordy", "provider": scripts.PROVIDER, **options})
    with Ledger(folder / "ledger.sqlite") as ledger:
        run = practice_search(
            researcher, ledger, methods=methods, arms=arms, side_by_side=side_by_side, folder=folder
        ).run
        return run(), list(ledger.export(RUN))


def exchanged(folder):
    return [(each.request, each.reply) for each in read_transcript(folder / TRANSCRIPT_FILE)]


@pytest.mark.slow
@pytest.mark.parametrize("side_by_side", [1, 2])
def test_a_search_killed_while_it_asks_asks_nothing_again(tmp_path, monkeypatch, side_by_side):
    _, expected = search(tmp_path / "whole", side_by_side=side_by_side)
    every = len(ASKED)
    assert every == 3 * METHODS
    for kill in (0, 1, 5, 7, every - 1):
        ASKED.clear()

        def killed(messages, seed, kill=kill):
            if len(ASKED) == kill + 1:
                raise KeyboardInterrupt
            return wordy(messages, seed)

        monkeypatch.setitem(SCRIPTS, "wordy", killed)
        folder = tmp_path / f"killed {kill}"
        with pytest.raises(KeyboardInterrupt):
            search(folder, side_by_side=side_by_side)
        monkeypatch.setitem(SCRIPTS, "wordy", wordy)
        _, found = search(folder, side_by_side=side_by_side)
        assert found == expected
        assert len(ASKED) == every + 1  # what was being asked when it was killed
        assert exchanged(folder) == exchanged(tmp_path / "whole")


def test_a_search_that_an_endpoint_ended_goes_on_where_it_was(tmp_path, monkeypatch):
    def failing(messages, seed):
        if len(ASKED) == 5:
            raise ChatError("the model is busy")
        return wordy(messages, seed)

    monkeypatch.setitem(SCRIPTS, "wordy", failing)
    with pytest.raises(ChatError, match="busy"):
        search(tmp_path, methods=2)
    assert len(exchanged(tmp_path)) == 4
    outcome, _ = search(tmp_path, methods=2)
    assert len(outcome.rounds) == 2
    assert len(ASKED) == 3 * 2 + 1


@pytest.mark.slow
def test_a_search_killed_while_it_scores_asks_nothing_again(tmp_path):
    _, expected = search(tmp_path / "whole")
    every = len(ASKED)
    for kill in (0, 3, 9, 17):
        ASKED.clear()
        folder = tmp_path / f"killed {kill}"
        with pytest.raises(KeyboardInterrupt):
            search(folder, arms=Killed(kill))
        assert search(folder)[1] == expected
        assert len(ASKED) == every


def test_a_finished_search_is_told_again_without_asking(tmp_path):
    _, expected = search(tmp_path)
    ASKED.clear()
    assert search(tmp_path)[1] == expected
    assert ASKED == []


def test_a_budget_ends_it_cleanly_and_for_good(tmp_path):
    search(tmp_path / "whole")
    counts = [
        each.reply.input_tokens + each.reply.output_tokens
        for each in read_transcript(tmp_path / "whole" / TRANSCRIPT_FILE)
    ]
    budget = sum(counts[:7])  # two proposals, and the first request of the third
    outcome, found = search(tmp_path / "bounded", budget_tokens=budget)
    assert len(outcome.rounds) == 2
    assert outcome.ended.startswith(f"the language model's budget of {budget:g} tokens is spent ({budget:g}); begin")
    assert len(exchanged(tmp_path / "bounded")) == 7
    ASKED.clear()
    assert search(tmp_path / "bounded", budget_tokens=budget) == (outcome, found)
    assert ASKED == []


def test_a_budget_too_small_for_a_first_method(tmp_path):
    with pytest.raises(NothingNewError, match="budget of 1 tokens is spent"):
        search(tmp_path, budget_tokens=1)
    assert len(ASKED) == 1


def test_it_is_replayed_without_the_model(tmp_path):
    _, expected = search(tmp_path / "first")
    ASKED.clear()
    recorded = tmp_path / "first" / TRANSCRIPT_FILE
    _, found = search(tmp_path / "again", replay=str(recorded))
    assert found == expected
    assert ASKED == []
    assert (tmp_path / "again" / TRANSCRIPT_FILE).read_bytes() == recorded.read_bytes()


@pytest.mark.slow
def test_nothing_else_is_replayed(tmp_path):
    search(tmp_path / "first")
    recorded = str(tmp_path / "first" / TRANSCRIPT_FILE)
    for other in ({"temperature": 0.5}, {"max_tokens": 9}, {"parents": 0, "inspirations": 0}):
        with pytest.raises(ReplayError, match="replay it with the settings, seed, prompts and version"):
            search(tmp_path / f"{other}", replay=recorded, **other)
    with pytest.raises(ReplayError, match="stands in no exchange"):
        search(tmp_path / "longer", methods=METHODS + 1, replay=recorded)


def test_an_edited_transcript_is_neither_gone_on_with_nor_replayed(tmp_path):
    search(tmp_path)
    path = tmp_path / TRANSCRIPT_FILE
    path.write_text(path.read_text().replace("it says a number", "it says a bigger number"))
    with pytest.raises(TranscriptError, match="no reply of an edited transcript is used"):
        search(tmp_path)
    with pytest.raises(TranscriptError, match="no reply of an edited transcript is used"):
        LanguageModelResearcher(model="wordy", replay=str(path))


def test_a_transcript_that_was_cut_is_found_by_the_proposals(tmp_path):
    search(tmp_path)
    path = tmp_path / TRANSCRIPT_FILE
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(TranscriptError, match=r"lacks the conversation in which 'edit \d+' was written|'number \d+'"):
        search(tmp_path)
    path.unlink()
    with pytest.raises(TranscriptError, match="take the file from a backup, or begin another run"):
        search(tmp_path)


def test_it_does_not_go_on_with_other_prompts(tmp_path):
    search(tmp_path / "run")
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "system.md").write_text("Write methods.")
    with pytest.raises(TranscriptError, match=r"differing: prompts"):
        search(tmp_path / "run", prompts=str(prompts))


def test_all_that_was_said_is_in_the_transcript(tmp_path):
    search(tmp_path)
    conversations = [json.dumps([each.to_json() for each in messages]) for _, messages in ASKED]
    stored = [json.dumps([each.to_json() for each in request.messages]) for request, _ in exchanged(tmp_path)]
    assert stored == conversations
    assert all(
        request.seed is not None and request.identity["temperature"] == 1.0 for request, _ in exchanged(tmp_path)
    )
