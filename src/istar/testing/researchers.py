"""Conformance suite for researchers: subclass it, give it a researcher, and pytest checks the contract.

Everything runs in memory, on made-up questions (`istar.testing.practice`): no target, no methods, no jails.

Example:
    >>> class TestMine(ResearcherConformance):
    ...     def make(self) -> Researcher:
    ...         return MyResearcher()
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pytest

from istar.ledger import Ledger
from istar.protocol.workbench import SearchWorkbench
from istar.researchers import Feedback, Proposal, Researcher, ResearcherError
from istar.researchers.feedback import feedback_from_json
from istar.seeds import Seed
from istar.testing.practice import RUN, PracticeArms, practice_search


class _Killed(PracticeArms):
    """Arms that are killed with the search after some questions."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def asked(self, what: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


class Begun:
    """A researcher with a workbench, as a search has it propose and learn.

    Args:
        researcher: without experience.
    """

    def __init__(self, researcher: Researcher) -> None:
        """Hand it the workbench."""
        workbench = practice_search(researcher, Ledger("sqlite://"), methods=1000).workbench
        assert isinstance(workbench, SearchWorkbench)
        self.researcher, self.workbench = researcher, workbench
        self._made = 0
        with workbench.within("begin"):
            researcher.begin(workbench)

    def propose(self, seed: Seed) -> Proposal:
        """Return its next proposal."""
        with self.workbench.within("propose", self._made):
            proposal = self.researcher.propose(seed)
        self._made += 1
        return proposal

    def update(self, proposal: Proposal, feedback: Feedback) -> None:
        """Tell it of a proposal."""
        with self.workbench.within("update", self._made):
            self.researcher.update(proposal, feedback)


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

    def begun(self) -> Begun:
        """Return a researcher that has a workbench."""
        return Begun(self.make())

    def _search(self, begun: Begun, rounds: int) -> list[Proposal]:
        proposals = []
        for iteration in range(rounds):
            proposal = begun.propose(Seed.root(5).split("researcher", iteration))
            begun.update(proposal, Feedback(self.reward(proposal)))
            proposals.append(proposal)
        return proposals

    def test_begins_without_proposing(self) -> None:
        """With the workbench in hand it has neither made a proposal nor learned of one."""
        researcher = self.begun().researcher
        assert researcher.pending == ()
        assert researcher.told == ()
        assert researcher.workbench.tasks

    def test_proposes_python(self) -> None:
        """Every proposal is a named method file in Python that defines the contract's functions."""
        for proposal in self._search(self.begun(), self.rounds):
            assert proposal.name
            compile(proposal.source, proposal.name, "exec")
            assert "def interpret(" in proposal.source
            assert "def predict(" in proposal.source

    def test_proposals_are_json(self) -> None:
        """A proposal survives JSON."""
        for proposal in self._search(self.begun(), 2):
            data = json.loads(json.dumps(proposal.to_json()))
            assert Proposal.from_json(data) == proposal

    def test_same_history_and_seed_give_the_same_proposals(self) -> None:
        """Two researchers of equal experience and seed propose the same, and ask the same of their workbenches."""
        one, other = self.begun(), self.begun()
        assert self._search(one, self.rounds) == self._search(other, self.rounds)
        assert one.workbench.uses == other.workbench.uses

    @pytest.mark.parametrize("side_by_side", [1, 2])
    def test_a_killed_search_goes_on_as_if_it_had_not_been(self, side_by_side: int, tmp_path: Path) -> None:
        """Proposals, feedback and what was asked of the workbench are the same, wherever the search was killed."""
        arms = _Killed(10**9)
        with Ledger(tmp_path / "undisturbed.sqlite") as undisturbed:
            practice_search(self.make(), undisturbed, methods=self.rounds, arms=arms, side_by_side=side_by_side).run()
            expected = list(undisturbed.export(RUN))
        asked = 10**9 - arms.left
        for after in (0, asked // 3, 2 * asked // 3):
            with Ledger(tmp_path / f"{after}.sqlite") as ledger:
                killed: dict[str, Any] = {"methods": self.rounds, "side_by_side": side_by_side}
                with pytest.raises(KeyboardInterrupt):
                    practice_search(self.make(), ledger, arms=_Killed(after), **killed).run()
                practice_search(self.make(), ledger, methods=self.rounds, side_by_side=side_by_side).run()
                assert list(ledger.export(RUN)) == expected

    def test_what_it_learned_is_json(self) -> None:
        """A researcher that is restored from its state was told the same."""
        begun = self.begun()
        self._search(begun, self.rounds // 2)
        restored = self.begun()
        with restored.workbench.within("update"):
            restored.researcher.restore(json.loads(json.dumps(begun.researcher.state())))
        assert restored.researcher.told == begun.researcher.told
        for _, feedback in begun.researcher.told:
            assert feedback_from_json(json.loads(json.dumps(feedback.to_json()))) == feedback

    def test_parents_were_proposed(self) -> None:
        """A parent is one of the methods proposed before."""
        proposals = self._search(self.begun(), self.rounds)
        for number, proposal in enumerate(proposals):
            assert set(proposal.parents) <= {earlier.hash for earlier in proposals[:number]}

    def test_several_pending(self) -> None:
        """Proposals made side by side differ, and may be told in any order."""
        begun = self.begun()
        first, second = (begun.propose(Seed.root(1).split(slot)) for slot in range(2))
        assert first.source != second.source
        begun.update(second, Feedback(0.5))
        begun.update(first, Feedback(None, stage="screen", error="it failed"))
        assert [proposal for proposal, _ in begun.researcher.told] == [second, first]

    def test_survives_failures(self) -> None:
        """A researcher all of whose methods failed still proposes."""
        begun = self.begun()
        for iteration in range(self.rounds):
            proposal = begun.propose(Seed.root(2).split(iteration))
            begun.update(proposal, Feedback(None, stage="screen", error="it failed"))

    def test_refuses_what_it_did_not_propose(self) -> None:
        """Feedback on a stranger's method is an error, and so is feedback given twice."""
        begun = self.begun()
        with pytest.raises(ResearcherError, match="did not propose"):
            begun.update(Proposal("", "stranger"), Feedback(1.0))
        (proposal,) = self._search(begun, 1)
        with pytest.raises(ResearcherError, match="told of before"):
            begun.update(proposal, Feedback(1.0))
