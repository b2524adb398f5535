"""The workbench: what a researcher may look at and try before it proposes, all of it about training.

It shows the training questions in full, the library's sources and the target without its module; it checks a method on
a tiny target, and scores one on training questions under a budget. Every check and score is counted, written down with
what came of it, and shown beside what the search found. Validation and test cannot be reached by it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from istar.flops import PriceSheet
from istar.methods.library import library_methods
from istar.methods.loading import read_source
from istar.methods.side_by_side import Part
from istar.questions import Question
from istar.researchers.feedback import QuestionFeedback, question_from_json
from istar.researchers.researcher import ResearcherError

UseKind = Literal["check", "score"]


class BudgetSpentError(ResearcherError):
    """A use of the workbench that the search's budget does not pay for any more; nothing was done."""


@dataclass(frozen=True, eq=False)
class TrainingQuestion:
    """A training question with its truth; the arrays are the reader's own.

    Attributes:
        question: the rows (tokens, readout, intervention), their structure and the functional.
        texts: the tokens of each row as text.
        values: the true value of each row, in the readout's unit.
        answer: the true answer.
        prices: what rows cost in FLOPs, alone and together.
        trained: whether the training reward asks it.
    """

    question: Question
    texts: tuple[str, ...]
    values: Float[np.ndarray, " rows"]
    answer: Float[np.ndarray, " outputs"]
    prices: PriceSheet
    trained: bool


@dataclass(frozen=True)
class QuestionCheck:
    """What a method did on one sample question.

    Attributes:
        question: what kind of rows the question has.
        runs: how many.
        channels: how many channels it gave; 0 for nothing to say.
        prepare_flops: FLOPs of `prepare`.
        predict_flops: FLOPs of `predict` on all batches.
        exact_flops: FLOPs of the exact values of the same rows.
        error: what went wrong, empty if nothing did.
    """

    question: str
    runs: int
    channels: int = 0
    prepare_flops: int = 0
    predict_flops: int = 0
    exact_flops: int = 0
    error: str = ""


@dataclass(frozen=True)
class Check:
    """What checking a method found.

    Attributes:
        faults: what the fence refuses, one sentence each; nothing ran if there is any.
        error: what went wrong in `interpret`, empty if nothing did.
        interpret_flops: FLOPs of `interpret`.
        interpretation_bytes: size of what it returned.
        questions: what the method did on each sample question.
    """

    faults: tuple[str, ...] = ()
    error: str = ""
    interpret_flops: int = 0
    interpretation_bytes: int = 0
    questions: tuple[QuestionCheck, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong with the method."""
        return not self.faults and not self.error and not any(each.error for each in self.questions)

    def to_json(self) -> dict[str, Any]:
        """Return the check as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Trained:
    """What scoring a method on training questions found.

    Attributes:
        reward: the mean over the tasks asked, as a training reward is made; None if the method failed.
        questions: how it did on each question that it was asked.
        error: why it failed, empty if it did not.
    """

    reward: float | None
    questions: tuple[QuestionFeedback, ...] = ()
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the score as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Use:
    """One use of the workbench.

    Attributes:
        kind: `check` or `score`.
        source: the method's source.
        name: its name.
        outcome: what came of it.
        questions: how many questions were scored that this method had not been scored on before.
        flops: FLOPs of recording the method on these.
    """

    kind: UseKind
    source: str
    name: str
    outcome: Check | Trained
    questions: int = 0
    flops: int = 0


def check_from_json(data: Mapping[str, Any]) -> Check:
    """Return the check that `to_json` described."""
    questions = tuple(QuestionCheck(**each) for each in data["questions"])
    return Check(**{**data, "faults": tuple(data["faults"]), "questions": questions})


def trained_from_json(data: Mapping[str, Any]) -> Trained:
    """Return the score that `to_json` described."""
    return Trained(**{**data, "questions": tuple(question_from_json(each) for each in data["questions"])})


class TargetView(ABC):
    """The target, to be read: no module, so that nothing can be run unmetered, hooked or changed.

    Attributes:
        name: what the user called it.
        id: hash of weights, configuration and dtype.
        layers: number of transformer blocks.
        width: width of the residual stream.
        vocabulary: number of tokens that the unembedding knows.
        config: its Hugging Face configuration, as JSON values.
        parts: dotted names of its parts: embedding, blocks, attention and MLP within a block, final norm.
        weights: shape of every weight, by its dotted name.
    """

    name: str
    id: str
    layers: int
    width: int
    vocabulary: int
    config: Mapping[str, Any]
    parts: Mapping[str, str]
    weights: Mapping[str, tuple[int, ...]]

    @abstractmethod
    def weight(self, name: str) -> Float[np.ndarray, ...]:
        """Return a copy of one weight, in float32.

        Raises:
            ResearcherError: there is none of this name.
        """

    @abstractmethod
    def encode(self, text: str) -> tuple[int, ...]:
        """Return the tokens of a text, without special tokens around it."""

    @abstractmethod
    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, special ones included."""


class Workbench(ABC):
    """What a researcher is handed before its first proposal; it answers within `begin`, `propose` and `update`.

    A check or a score that was made before a search was killed is found again when the search goes on: it is neither
    run nor counted twice. For that, what a researcher asks must be a function of the same things as what it proposes:
    the proposals made, the feedback told, the seed, and `uses`.
    """

    @property
    @abstractmethod
    def tasks(self) -> tuple[str, ...]:
        """The training tasks whose questions are shown and may be scored; first those that the search trains on."""

    @abstractmethod
    def questions(self, task: str) -> tuple[TrainingQuestion, ...]:
        """Return all stored questions of a training task.

        Raises:
            ResearcherError: it is none of `tasks`.
        """

    @property
    @abstractmethod
    def target(self) -> TargetView:
        """The target."""

    @property
    def library(self) -> dict[str, str]:
        """The sources of the library's methods, by name."""
        return {name: read_source(path) for name, path in library_methods().items()}

    @abstractmethod
    def check(self, source: str, name: str = "method") -> Check:
        """Check a method: the fence, then the sandbox on a tiny target, metered, with every kind of row and readout.

        Raises:
            BudgetSpentError: the search has no check left.
        """

    @abstractmethod
    def score(
        self,
        source: str,
        questions: Sequence[str] | None = None,
        *,
        name: str = "method",
        parts: Sequence[Part] = (),
        max_flops: int | None = None,
        max_seconds: float | None = None,
    ) -> Trained:
        """Score a method on training questions: the same arms, sandbox and caches as in training.

        Args:
            source: the method's source.
            questions: hashes of the questions, those that the training reward asks by default; on those of one task the
                executor learns what the method is worth for each other, as in training.
            name: its name, for messages.
            parts: the methods that the source puts side by side, as of `Proposal`.
            max_flops: no further task is asked once recording the method has taken so many FLOPs.
            max_seconds: nor once so many seconds of wall-clock time have passed; where that is depends on the machine.

        Raises:
            BudgetSpentError: the questions are more than the search has left.
            ResearcherError: one is no training question that is shown here.
        """

    @property
    def folder(self) -> Path | None:
        """Where the search keeps its files, for what a researcher itself must find again; None if it keeps none."""
        return None

    @property
    @abstractmethod
    def uses(self) -> tuple[Use, ...]:
        """Every use so far, with what came of it."""

    @property
    @abstractmethod
    def checks_left(self) -> int:
        """How many checks the search has left."""

    @property
    @abstractmethod
    def questions_left(self) -> int:
        """How many questions may still be scored, each counted once for a method."""
