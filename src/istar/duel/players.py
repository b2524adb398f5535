"""Red and blue: who draws moves and methods, and learns from what they brought.

A player that learns is a policy over choices, moved by REINFORCE with a baseline after every reward, as the researcher
of that name is (`istar.researchers.policy`). A scripted one draws in a fixed order and learns nothing: what learning is
worth is what it gains over that.

Both players' choices come in two parts. Blue learns from the shown kinds of moves alone, and red from the shown methods
alone; what each is scored on are the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
from jaxtyping import Float

from istar.duel.moves import DECOYS, DISTRACTIONS, TOPICS, WORDS, MoveRecipe, draw_move, kind_decision
from istar.errors import IstarError
from istar.methods.side_by_side import MethodFile
from istar.researchers import Feedback, Proposal
from istar.researchers.choice_policy import Census, ChoicePolicy, PolicyDraw, PolicyReplay, ascend, surrogate
from istar.researchers.grammar.primitives import PRIMITIVES, Sampler
from istar.researchers.grammar.sentence import draw_sentence
from istar.researchers.policy import PolicyResearcher, advantage
from istar.seeds import Seed

Part = Literal["shown", "held out"]
PARTS: tuple[Part, ...] = ("shown", "held out")
Choice = TypeVar("Choice")
Make = Callable[[Sampler], Choice]


class PlayerError(IstarError):
    """A player who has nothing to draw from."""


@dataclass(frozen=True)
class Drawn(Generic[Choice]):
    """What a player drew.

    Attributes:
        choice: the move or the method.
        values: the value of each decision, by its name; none of a script's.
        log_probability: of the decisions when they were drawn, in nats.
    """

    choice: Choice
    values: Mapping[str, Any]
    log_probability: float = 0.0


class Learner:
    """A policy over some decisions, and the rewards that it was told.

    Args:
        decisions: the number of options of each.
        learning_rate: length of a step, for an advantage of one standard deviation.
        entropy_bonus: what a nat of entropy of each decision is worth, in standard deviations of the reward.
        hidden: width of the policy's network.
    """

    def __init__(
        self, decisions: Mapping[str, int], learning_rate: float = 0.1, entropy_bonus: float = 0.02, hidden: int = 16
    ) -> None:
        """See the class docstring."""
        self.policy = ChoicePolicy(dict(sorted(decisions.items())), hidden)
        self.learning_rate, self.entropy_bonus = learning_rate, entropy_bonus
        self.rewards: list[float] = []

    def draw(self, make: Make[Choice], seed: Seed) -> Drawn[Choice]:
        """Draw a choice.

        Args:
            make: makes it of its decisions.
            seed: of the draw.
        """
        with torch.no_grad():
            walk = PolicyDraw(self.policy, seed)
            choice = make(walk)
        return Drawn(choice, dict(walk.drawn), walk.log_probability.item())

    def learn(self, make: Make[Choice], drawn: Drawn[Choice], reward: float) -> None:
        """Move the policy by the reward of a choice that it drew."""
        self.rewards.append(reward)
        walk = PolicyReplay(self.policy, drawn.values)
        make(walk)
        if not walk.entropies:  # nothing was chosen
            return
        step = surrogate(walk, advantage(self.rewards), drawn.log_probability, self.entropy_bonus)
        ascend(self.policy, step, self.learning_rate)

    def log_probability(self, make: Make[Choice], values: Mapping[str, Any]) -> float:
        """Return how likely the policy is to draw a choice of these decisions, in nats."""
        with torch.no_grad():
            walk = PolicyReplay(self.policy, values)
            make(walk)
        return walk.log_probability.item()


class Red(ABC):
    """Who draws moves.

    Args:
        kinds: the kinds of moves of each part.
    """

    def __init__(self, kinds: Mapping[Part, Sequence[str]]) -> None:
        """See the class docstring."""
        self.kinds = {part: tuple(each) for part, each in kinds.items()}

    @abstractmethod
    def draw(self, part: Part, seed: Seed) -> Drawn[MoveRecipe]:
        """Draw a move of a part's kinds."""

    def learn(self, part: Part, drawn: Drawn[MoveRecipe], reward: float) -> None:  # noqa: B027
        """Learn from the reward of a move; a script does not."""

    def weights(self, part: Part, moves: Sequence[MoveRecipe]) -> Float[np.ndarray, " moves"]:
        """Return how likely each of some different moves of a part is, so that all add up to 1; all alike by script."""
        return np.full(len(moves), 1 / len(moves))


class LearningRed(Red):
    """Draws moves from a policy; arguments as of the base class and of `Learner`."""

    def __init__(self, kinds: Mapping[Part, Sequence[str]], **options: Any) -> None:
        """See the class docstring."""
        super().__init__(kinds)
        census = Census()
        for each in self.kinds.values():
            draw_move(census, ("password",))  # asks every decision
            draw_move(census, each)
        self.learner = Learner(census.counts, **options)

    def draw(self, part: Part, seed: Seed) -> Drawn[MoveRecipe]:
        """See the base class."""
        return self.learner.draw(self._make(part), seed)

    def learn(self, part: Part, drawn: Drawn[MoveRecipe], reward: float) -> None:
        """See the base class."""
        self.learner.learn(self._make(part), drawn, reward)

    def weights(self, part: Part, moves: Sequence[MoveRecipe]) -> Float[np.ndarray, " moves"]:
        """See the base class."""
        decision = kind_decision(self.kinds[part])
        values = [{**each.to_json(), decision: each.kind} for each in moves]
        return _normalised([self.learner.log_probability(self._make(part), each) for each in values])

    def _make(self, part: Part) -> Make[MoveRecipe]:
        return lambda sampler: draw_move(sampler, self.kinds[part])


class ScriptedRed(Red):
    """Draws moves in a fixed order: kinds, topics and words take turns, and every second one of a kind is disguised."""

    def __init__(self, kinds: Mapping[Part, Sequence[str]]) -> None:
        """See the base class."""
        super().__init__(kinds)
        self._turns = dict.fromkeys(PARTS, 0)

    def draw(self, part: Part, seed: Seed) -> Drawn[MoveRecipe]:
        """See the base class."""
        kinds = self.kinds[part]
        turn, place = divmod(self._turns[part], len(kinds))
        self._turns[part] += 1
        disguised = turn % 2 == 1
        move = MoveRecipe(
            kinds[place],
            TOPICS[turn % len(TOPICS)],
            WORDS[turn % len(WORDS)],
            matched=disguised and kinds[place] in ("password", "topic"),
            distraction=DISTRACTIONS[1 + turn // 2 % 2] if disguised else DISTRACTIONS[0],
            decoys=DECOYS[turn // 2 % 2],
        )
        return Drawn(move, {})


class Blue(ABC):
    """Who draws methods."""

    @abstractmethod
    def draw(self, part: Part, seed: Seed) -> Drawn[Proposal]:
        """Draw a method of a part."""

    def learn(self, part: Part, drawn: Drawn[Proposal], reward: float) -> None:  # noqa: B027
        """Learn from the reward of a method; a script does not."""

    def weights(self, part: Part, methods: Sequence[Proposal]) -> Float[np.ndarray, " methods"]:
        """Return how likely each of some different methods of a part is, so that all add up to 1; alike by script."""
        return np.full(len(methods), 1 / len(methods))


class FileBlue(Blue):
    """Draws methods from files, in turn.

    Args:
        files: two or more, by name; half of them are held out from red, by the seed.
        seed: decides which.

    Raises:
        PlayerError: there are fewer than two.
    """

    def __init__(self, files: Mapping[str, MethodFile], seed: Seed) -> None:
        """See the class docstring."""
        if len(files) < 2:
            raise PlayerError(
                f"blue has {len(files)} methods; give two or more, so that red can learn from one and meet another"
            )
        self._files = dict(files)
        names = sorted(files)
        order = [names[i] for i in seed.split("held-out methods").generator().permutation(len(names))]
        self.names: dict[Part, tuple[str, ...]] = {
            "shown": tuple(sorted(order[::2])),
            "held out": tuple(sorted(order[1::2])),
        }
        self._turns = dict.fromkeys(PARTS, 0)

    def draw(self, part: Part, seed: Seed) -> Drawn[Proposal]:
        """See the base class."""
        names = self.names[part]
        self._turns[part] += 1
        return Drawn(self._proposal(names[(self._turns[part] - 1) % len(names)]), {})

    def _proposal(self, name: str) -> Proposal:
        file = self._files[name]
        return Proposal(file.source, name, parts=file.parts)


class LearningFileBlue(FileBlue):
    """Draws methods from files by a policy; arguments as of the base class and of `Learner`."""

    def __init__(self, files: Mapping[str, MethodFile], seed: Seed, **options: Any) -> None:
        """See the class docstring."""
        super().__init__(files, seed)
        asked = {_question(part): len(self.names[part]) for part in PARTS if len(self.names[part]) > 1}
        self.learner = Learner(asked or {"": 1}, **options)

    def draw(self, part: Part, seed: Seed) -> Drawn[Proposal]:
        """See the base class."""
        return self.learner.draw(self._make(part), seed)

    def learn(self, part: Part, drawn: Drawn[Proposal], reward: float) -> None:
        """See the base class."""
        self.learner.learn(self._make(part), drawn, reward)

    def weights(self, part: Part, methods: Sequence[Proposal]) -> Float[np.ndarray, " methods"]:
        """See the base class."""
        asked = _question(part)
        return _normalised(
            [self.learner.log_probability(self._make(part), {asked: each.name}) for each in methods],
        )

    def _make(self, part: Part) -> Make[Proposal]:
        names = self.names[part]
        if len(names) == 1:  # nothing to choose: policies are not asked
            return lambda _: self._proposal(names[0])
        return lambda sampler: self._proposal(sampler.suggest_categorical(_question(part), names))


class GrammarBlue(Blue):
    """Draws sentences of the grammar; of the words, half are held out from red, and no sentence has both sorts.

    Args:
        seed: decides which words are held out.
        words: the words, four or more; None for all.
        options: of the policy; see `PolicyResearcher`.

    Raises:
        PlayerError: there are fewer than four words.
    """

    def __init__(self, seed: Seed, words: Sequence[str] | None = None, **options: Any) -> None:
        """See the class docstring."""
        known = sorted(PRIMITIVES if words is None else words)
        if len(known) < 4:
            raise PlayerError(f"blue's grammar has {len(known)} words; it needs four, two that red learns from")
        order = [known[i] for i in seed.split("held-out methods").generator().permutation(len(known))]
        halves: dict[Part, list[str]] = {"shown": sorted(order[::2]), "held out": sorted(order[1::2])}
        self._researchers = {part: PolicyResearcher(words=half, **options) for part, half in halves.items()}

    def draw(self, part: Part, seed: Seed) -> Drawn[Proposal]:
        """See the base class."""
        made = self._researchers[part].propose(seed)
        return Drawn(made, made.parameters["drawn"], made.parameters["log_probability"])

    def learn(self, part: Part, drawn: Drawn[Proposal], reward: float) -> None:
        """See the base class."""
        self._researchers[part].update(drawn.choice, Feedback(reward=reward, stage="train"))

    def weights(self, part: Part, methods: Sequence[Proposal]) -> Float[np.ndarray, " methods"]:
        """See the base class."""
        researcher = self._researchers[part]
        found = []
        for each in methods:
            walk = PolicyReplay(researcher.policy, each.parameters["drawn"])
            with torch.no_grad():
                draw_sentence(walk, researcher.words)
            found.append(walk.log_probability.item())
        return _normalised(found)


def _question(part: Part) -> str:
    return f"method of those {part}"


def _normalised(log_probabilities: Sequence[float]) -> Float[np.ndarray, " choices"]:
    made = np.exp(np.array(log_probabilities) - max(log_probabilities))
    return np.asarray(made / made.sum())
