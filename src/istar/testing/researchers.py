"""Conformance suite for researchers: subclass it, give it a researcher, and pytest checks the contract.

Example:
    >>> class TestMine(ResearcherConformance):
    ...     def make(self) -> Researcher:
    ...         return MyResearcher()
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod

import pytest

from istar.researchers import Feedback, Proposal, Researcher, ResearcherError
from istar.seeds import Seed


class ResearcherConformance(ABC):
    """What every researcher must do, whatever it proposes.

    Attributes:
        rounds: how many proposals each test makes.
    """

    rounds = 8

    @abstractmethod
    def make(self) -> Researcher:
        """Return a researcher without experience; two calls give equal ones."""

    def reward(self, proposal: Proposal) -> float:
        """Return some reward that depends on the proposal alone."""
        return int(proposal.hash[:6], 16) / 16**6

    def _search(self, researcher: Researcher, start: int, stop: int) -> list[Proposal]:
        proposals = []
        for iteration in range(start, stop):
            proposal = researcher.propose(Seed.root(5).split("researcher", iteration))
            researcher.update(proposal, Feedback(self.reward(proposal)))
            proposals.append(proposal)
        return proposals

    def test_proposes_python(self) -> None:
        """Every proposal is a named method file in Python that defines the contract's functions."""
        for proposal in self._search(self.make(), 0, self.rounds):
            assert proposal.name
            compile(proposal.source, proposal.name, "exec")
            assert "def interpret(" in proposal.source
            assert "def predict(" in proposal.source

    def test_proposals_are_json(self) -> None:
        """A proposal survives JSON."""
        for proposal in self._search(self.make(), 0, 2):
            data = json.loads(json.dumps(proposal.to_json()))
            assert Proposal.from_json(data) == proposal

    def test_same_history_and_seed_give_the_same_proposals(self) -> None:
        """Two researchers of equal experience and seed propose the same."""
        assert self._search(self.make(), 0, self.rounds) == self._search(self.make(), 0, self.rounds)

    def test_resumes_from_its_state(self) -> None:
        """A restored researcher goes on as if it had never stopped."""
        undisturbed = self._search(self.make(), 0, self.rounds)
        killed = self.make()
        begun = self._search(killed, 0, self.rounds // 2)
        resumed = self.make()
        resumed.restore(json.loads(json.dumps(killed.state())))
        assert begun + self._search(resumed, self.rounds // 2, self.rounds) == undisturbed
        assert resumed.state()["told"] == [*killed.state()["told"], *resumed.state()["told"][self.rounds // 2 :]]

    def test_parents_were_proposed(self) -> None:
        """A parent is one of the methods proposed before."""
        proposals = self._search(self.make(), 0, self.rounds)
        for number, proposal in enumerate(proposals):
            assert set(proposal.parents) <= {earlier.hash for earlier in proposals[:number]}

    def test_several_pending(self) -> None:
        """Proposals made side by side differ, and may be told in any order."""
        researcher = self.make()
        first, second = (researcher.propose(Seed.root(1).split(slot)) for slot in range(2))
        assert first.source != second.source
        researcher.update(second, Feedback(0.5))
        researcher.update(first, Feedback(None, stage="screen", error="it failed"))
        assert [proposal for proposal, _ in researcher.told] == [second, first]

    def test_survives_failures(self) -> None:
        """A researcher all of whose methods failed still proposes."""
        researcher = self.make()
        for iteration in range(self.rounds):
            proposal = researcher.propose(Seed.root(2).split(iteration))
            researcher.update(proposal, Feedback(None, stage="screen", error="it failed"))

    def test_refuses_what_it_did_not_propose(self) -> None:
        """Feedback on a stranger's method is an error, and so is feedback given twice."""
        researcher = self.make()
        with pytest.raises(ResearcherError, match="did not propose"):
            researcher.update(Proposal("", "stranger"), Feedback(1.0))
        (proposal,) = self._search(researcher, 0, 1)
        with pytest.raises(ResearcherError, match="told of before"):
            researcher.update(proposal, Feedback(1.0))
