"""What researchers over the grammar share: drawing sentences that are new, and varying those that are known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from istar.researchers.grammar.primitives import PRIMITIVES
from istar.researchers.grammar.sentence import Sentence, draw_sentence
from istar.researchers.researcher import NothingNewError, Proposal, Researcher, ResearcherError
from istar.seeds import Seed

ATTEMPTS = 100
"""How often a sentence is drawn in search of one that was not proposed before."""

LEARNED_ATTEMPTS = 10
"""After so many a researcher has settled on what is known already, and sentences are drawn more blindly."""


class SentenceResearcher(Researcher):
    """Base class of researchers whose methods are sentences of the grammar.

    Args:
        words: the primitives that sentences are made of, two or more; None for all that are registered.
    """

    def __init__(self, words: Sequence[str] | None = None) -> None:
        """See the class docstring."""
        super().__init__()
        if words is not None and (isinstance(words, str) or len(set(words)) != len(words) or len(words) < 2):
            raise ResearcherError(
                f"the {self.name} researcher's words must be a list of two or more different primitives, not {words!r}"
            )
        for word in words or ():
            PRIMITIVES.get(word)
        self.words = tuple(PRIMITIVES if words is None else sorted(words))

    @property
    def made(self) -> list[Proposal]:
        """All that it proposed, what it awaits feedback on last."""
        return [*(proposal for proposal, _ in self.told), *self.pending]

    def _alone(self, seed: Seed) -> dict[str, Any]:
        """Return the choices of a sentence of one primitive not tried alone so far; nothing once all have been."""
        sentences = [proposal.parameters["sentence"] for proposal in self.made]
        tried = {sentence[0]["kind"] for sentence in sentences if len(sentence) == 1}
        left = [word for word in self.words if word not in tried]
        return {"channels": 1, "1.kind": str(seed.split("alone").generator().choice(left))} if left else {}

    def _first_new(self, draw: Callable[[int], Proposal]) -> Proposal:
        """Return the first of some draws that was not proposed before.

        Args:
            draw: makes a proposal, given the number of the attempt from 0.

        Raises:
            NothingNewError: none of `ATTEMPTS` draws is new.
        """
        known = {proposal.source for proposal in self.made}
        for attempt in range(ATTEMPTS):
            proposal = draw(attempt)
            if proposal.source not in known:
                return proposal
        raise NothingNewError(
            f"the {self.name} researcher found no new sentence in {ATTEMPTS} attempts after {len(known)} methods; "
            "give a search more words to go on for longer"
        )


class Chooser(ABC):
    """A sampler that picks among a decision's options by position.

    Attributes:
        drawn: the value picked at every decision asked for, by the decision's name.
    """

    def __init__(self) -> None:
        """Start with nothing drawn."""
        self.drawn: dict[str, Any] = {}

    @abstractmethod
    def _pick(self, name: str, options: Sequence[Any]) -> int:
        """Return the position of the option that is taken."""

    def suggest_categorical(self, name: str, choices: Any, /) -> Any:
        """Return one of the choices."""
        return self._draw(name, tuple(choices))

    def suggest_int(self, name: str, low: int, high: int, /) -> int:
        """Return a whole number from `low` to `high`."""
        return int(self._draw(name, range(low, high + 1)))

    def _draw(self, name: str, options: Sequence[Any]) -> Any:
        self.drawn[name] = options[self._pick(name, options)]
        return self.drawn[name]


class BlindChooser(Chooser):
    """Takes what is fixed and draws all else uniformly, each decision from a seed of its own.

    Args:
        seed: of the draws.
        fixed: values by the names of their decisions; names that are never asked for do no harm.
    """

    def __init__(self, seed: Seed, fixed: Mapping[str, Any] | None = None) -> None:
        """See the class docstring."""
        super().__init__()
        self.seed = seed
        self.fixed = fixed or {}

    def _pick(self, name: str, options: Sequence[Any]) -> int:
        if name in self.fixed:
            return options.index(self.fixed[name])
        return int(self.seed.split(name).generator().integers(len(options)))


def draw_blindly(
    seed: Seed,
    fixed: Mapping[str, Any] | None = None,
    parents: Sequence[Proposal] = (),
    words: Sequence[str] | None = None,
    **notes: Any,
) -> Proposal:
    """Return a proposal with these choices, all others drawn uniformly.

    Args:
        seed: of the draws.
        fixed: values by the names of their decisions.
        parents: the proposals it was derived from.
        words: the primitives to draw from; None for all.
        notes: further parameters, JSON values.
    """
    chooser = BlindChooser(seed, fixed)
    return written(draw_sentence(chooser, words), chooser.drawn, parents, **notes)


def written(sentence: Sentence, drawn: Mapping[str, Any], parents: Sequence[Proposal] = (), **notes: Any) -> Proposal:
    """Return the proposal that puts a sentence forward.

    Args:
        sentence: the sentence.
        drawn: the values it was drawn with, by the names of their decisions.
        parents: the proposals it was derived from.
        notes: further parameters, JSON values.
    """
    file = sentence.file
    return Proposal(
        source=file.source,
        name=sentence.name,
        parents=tuple(parent.hash for parent in parents),
        parameters={"sentence": sentence.to_json(), "drawn": dict(drawn), **notes},
        parts=file.parts,
    )


def all_but_one(parent: Proposal, seed: Seed) -> dict[str, Any]:
    """Return a proposal's choices but one, which is to be drawn again with all that hangs on it."""
    drawn = parent.parameters["drawn"]
    changed = str(seed.split("changed").generator().choice(sorted(drawn)))
    if changed.endswith(".kind"):
        slot = changed.removesuffix("kind")
        return {name: value for name, value in drawn.items() if not name.startswith(slot)}
    return {name: value for name, value in drawn.items() if name != changed}
