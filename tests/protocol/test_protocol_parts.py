"""What a method puts side by side goes with it: to the arms, into the ledger, and back when a run goes on."""

import sqlite3
from contextlib import contextmanager

import pytest
from fake_arms import FakeArms, table

from istar.ledger import Ledger, RunConfig
from istar.methods.side_by_side import Part, put_side_by_side
from istar.protocol.book import Book, noted_file
from istar.protocol.config import SearchConfig
from istar.protocol.search import Search
from istar.protocol.unseal import best_of
from istar.researchers import Proposal, Researcher, ResearcherError
from istar.rewards.formulas import REWARDS

SINGLE = '''"""Says {number}."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), {number})
'''
PARTS = tuple(Part(SINGLE.format(number=number), f"Says {number}") for number in (1, 2))
BOTH = put_side_by_side(PARTS)


class Pairing(Researcher):
    """Proposes two methods side by side, then each of them alone."""

    name = "pairing"

    def _compose(self, seed):
        number = len(self.told) + len(self.pending)
        if number == 0:
            return Proposal(BOTH.source, "both", parts=BOTH.parts)
        return Proposal(PARTS[number - 1].source, f"method {number}")


class SeeingArms(FakeArms):
    """Keep what each session was opened with."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seen = {}

    @contextmanager
    def session(self, source, name, parts=()):
        self.seen[name] = parts
        with super().session(source, name) as session:
            yield session


def search(ledger, arms):
    tasks = {"screen": "shot_shapley/antonyms", "train": "shot_shapley/antonyms", "validation": "prompt_ceiling/places"}
    ledger.open_run(
        "run", RunConfig("target", "tiny", "v1", "pairing", "statistician", "log", 0), versions={}, machine={}
    )
    return Search(
        SearchConfig(methods=3, screen_floor=-9.0, validate_above=-9.0, prune_level=0.0),
        M1=Pairing(),
        R=REWARDS.get("log"),
        T={stage: {name: [table(name, 0), table(name, 1)]} for stage, name in tasks.items()},
        arms=arms,
        book=Book(ledger, "run"),
    ).run()


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def test_a_search_hands_the_parts_to_the_arms(ledger):
    arms = SeeingArms()
    search(ledger, arms)
    assert arms.seen == {"both": PARTS, "method 1": (), "method 2": ()}


def test_a_resumed_search_has_them_from_the_ledger(ledger):
    with pytest.raises(KeyboardInterrupt):
        search(ledger, SeeingArms(kill_after=2))
    arms = SeeingArms()
    search(ledger, arms)
    assert arms.seen["both"] == PARTS
    assert Book(ledger, "run").proposal(0) == Proposal(BOTH.source, "both", parts=PARTS)
    assert [(each.iteration, each.slot, each.title) for each in ledger.parts("run")] == [
        (0, 1, "Says 1"),
        (0, 2, "Says 2"),
    ]


def test_the_best_method_comes_with_its_parts(ledger):
    search(ledger, FakeArms(advantage=lambda source: 1.0 if source == BOTH.source else -0.2))
    ledger.finish_run("run")
    best = best_of(ledger, "run")
    assert (best.name, noted_file(ledger, "run", best)) == ("both", BOTH)


@pytest.mark.parametrize("change", ["DELETE FROM parts", "UPDATE parts SET title = 'Says it'"])
def test_a_file_whose_parts_are_not_known_is_run_whole(ledger, tmp_path, change, monkeypatch):
    """One of an older ledger, and one that another version put together otherwise."""
    search(ledger, FakeArms())
    monkeypatch.setattr("istar.ledger.tables.digest_of", lambda table, values: values["digest"])
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute(change)
    connection.close()
    assert Book(ledger, "run").proposal(0) == Proposal(BOTH.source, "both")


@pytest.mark.parametrize("parts", [PARTS[::-1], PARTS[:1], (*PARTS, PARTS[0])])
def test_parts_that_do_not_make_the_file_are_refused(parts):
    with pytest.raises(ResearcherError, match=r"'both' does not put its \d parts side by side; take both from"):
        Proposal(BOTH.source, "both", parts=parts)


def test_a_proposal_survives_json_with_its_parts():
    proposal = Proposal(BOTH.source, "both", parts=PARTS)
    assert Proposal.from_json(proposal.to_json()) == proposal
    old = {name: value for name, value in proposal.to_json().items() if name != "parts"}
    assert Proposal.from_json(old) == Proposal(BOTH.source, "both")
