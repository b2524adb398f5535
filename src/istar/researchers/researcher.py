"""The researcher, M1 of the document: it proposes methods and learns from their rewards.

A researcher reaches neither tasks nor truth. It is given the feedback on its own proposals, training in full and of
validation only what the guard publishes, and a workbench (`istar.researchers.workbench`) that shows training questions.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from istar.errors import CorruptDataError, IstarError
from istar.methods.side_by_side import Part, made_of
from istar.registry import Registry
from istar.researchers.feedback import Feedback, feedback_from_json
from istar.seeds import Seed
from istar.texts import name_for_people, storable

if TYPE_CHECKING:
    from istar.researchers.workbench import Workbench

RESEARCHERS: Registry[type[Researcher]] = Registry("researcher")

MOST = 1_000_000
"""The greatest count that an option may state."""

State = dict[str, Any]
"""JSON values."""


class ResearcherError(IstarError):
    """A researcher that cannot propose, or that is told of something it did not propose."""


class NothingNewError(ResearcherError):
    """A researcher that finds no method it has not proposed before; a search ends with what it has."""


@dataclass(frozen=True)
class Proposal:
    """A method put forward for evaluation.

    Attributes:
        source: the text of the method file.
        name: a short name for people; unlike the source's hash it need not be unique.
        parents: hashes of the earlier proposals it was derived from; empty for one made from nothing.
        parameters: how the researcher describes it to itself, as JSON values.
        parts: the methods that the file puts side by side, in order; none of a method of its own. What they say and
            cost is not recorded again where it is known already.

    Raises:
        ResearcherError: the file is not the one that puts the parts side by side.
    """

    source: str
    name: str
    parents: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        """Leave out of the texts what no ledger can hold: a language model may write anything. Check the parts."""
        object.__setattr__(self, "name", name_for_people(self.name))
        object.__setattr__(self, "source", storable(self.source))  # with something left out, the fence rejects it
        if self.parts and not made_of(self.source, self.parts):
            raise ResearcherError(
                f"the file of {self.name!r} does not put its {len(self.parts)} parts side by side; take both from "
                "`istar.methods.side_by_side.put_side_by_side`, or state no parts"
            )

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the source, 64 hexadecimal digits: the hash under which the method is filed."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return the proposal as JSON values."""
        return {
            "source": self.source,
            "name": self.name,
            "parents": list(self.parents),
            "parameters": self.parameters,
            "parts": [asdict(part) for part in self.parts],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Proposal:
        """Return the proposal that `to_json` described; before there were parts, none were."""
        parts = tuple(Part(**part) for part in values.get("parts", ()))
        return cls(**{**values, "parents": tuple(values["parents"]), "parts": parts})


Telling = tuple[Proposal, Feedback]


class Researcher(ABC):
    """Base class of researchers; a subclass is registered under its name and takes its options as keywords.

    `propose` must be a function of the proposals made, the feedback told, the workbench's answers and the seed, and of
    nothing else: a search that was killed is resumed by making and telling the same again. What was asked of the
    workbench for a proposal that is remembered is not asked again; its answers stand in `workbench.uses`.
    """

    name: ClassVar[str]

    def __init__(self) -> None:
        """Start without experience."""
        self._told: list[Telling] = []
        self._pending: list[Proposal] = []
        self._workbench: Workbench | None = None

    def check_ready(self) -> None:  # noqa: B027 - most need nothing
        """Check what it needs besides its workbench: called once for a new search, before anything is loaded.

        Raises:
            IstarError: something is missing; the message says what, and what to do.
        """

    def begin(self, workbench: Workbench) -> None:
        """Take the workbench: called once, before the first proposal is made or remembered."""
        self._workbench = workbench

    @property
    def workbench(self) -> Workbench:
        """What it may look at and try.

        Raises:
            ResearcherError: `begin` was not called.
        """
        if self._workbench is None:
            raise ResearcherError(
                f"the {self.name} researcher has no workbench yet; call `begin` before it proposes, and in a `begin` "
                "of your own call `super().begin(workbench)` first"
            )
        return self._workbench

    @property
    def told(self) -> tuple[Telling, ...]:
        """The proposals whose feedback is known, in the order it was told."""
        return tuple(self._told)

    @property
    def pending(self) -> tuple[Proposal, ...]:
        """The proposals whose feedback is awaited."""
        return tuple(self._pending)

    def propose(self, seed: Seed) -> Proposal:
        """Return the next method to evaluate.

        Args:
            seed: all randomness of this proposal.

        Raises:
            NothingNewError: it finds none that it has not proposed before.
        """
        proposal = self._compose(seed)
        self._pending.append(proposal)
        return proposal

    def remember(self, proposal: Proposal) -> None:
        """Take back a proposal made before the search was killed, as if it had just been made again."""
        self._pending.append(proposal)

    @abstractmethod
    def _compose(self, seed: Seed) -> Proposal:
        """Return a method, given `told`, `pending` and the seed."""

    def update(self, proposal: Proposal, feedback: Feedback) -> None:
        """Learn from the feedback on a pending proposal.

        Raises:
            ResearcherError: the proposal is not pending.
        """
        if proposal not in self._pending:
            raise ResearcherError(
                f"the {self.name} researcher is told of {proposal.name!r}, which it did not propose or was "
                "told of before; tell each proposal once"
            )
        self._pending.remove(proposal)
        self._told.append((proposal, feedback))

    def state(self) -> State:
        """Return everything learned, as JSON values: theta of the document."""
        return {
            "researcher": self.name,
            "told": [
                {"proposal": proposal.to_json(), "feedback": feedback.to_json()} for proposal, feedback in self._told
            ],
        }

    def restore(self, state: State) -> None:
        """Learn again everything that `state` described.

        Raises:
            CorruptDataError: it is another researcher's state.
        """
        told = self._experience(state)
        self._pending, self._told = [], []
        for proposal, feedback in told:
            self.remember(proposal)
            self.update(proposal, feedback)

    def _experience(self, state: State) -> list[Telling]:
        """Return what was told when `state` was described; errors as in `restore`."""
        if state.get("researcher") != self.name:
            raise CorruptDataError(
                f"the state is of the researcher {state.get('researcher')!r}, not of {self.name!r}; "
                "resume with the researcher the search began with"
            )
        return list(_tellings(state["told"]))


def check_option(researcher: Researcher, option: str, value: Any, low: float, high: float) -> None:
    """Check that an option is a number from `low` to `high`, and a whole one where these are.

    Raises:
        ResearcherError: it is not; the message says what is allowed.
    """
    whole = isinstance(low, int) and isinstance(high, int)
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise ResearcherError(
            f"the {researcher.name} researcher's {option} must be a {'whole ' if whole else ''}number from {low} to "
            f"{high}, not {value!r}"
        )


def told_rewards(told: Sequence[Telling]) -> list[float]:
    """Return the rewards of what was told; a method that failed counts as worse by 1 than any that did not."""
    failure = min((feedback.reward for _, feedback in told if feedback.reward is not None), default=0.0) - 1.0
    return [failure if feedback.reward is None else feedback.reward for _, feedback in told]


def _tellings(told: Iterable[dict[str, Any]]) -> Iterable[Telling]:
    for item in told:
        yield Proposal.from_json(item["proposal"]), feedback_from_json(item["feedback"])
