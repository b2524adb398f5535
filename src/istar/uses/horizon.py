"""Where transfer ends: what is learned and chosen at one length, measured at longer ones.

The source document's negative example: "Suppose the horizon length [...] is an order of magnitude longer than any of
the input lengths included in training I*". Here the text that a method learns from, the questions that the executor
learns from and the contexts that a detector learns from are all no longer than L; compute multipliers and detection are
measured at 1, 2, 4, 8 and 16 L, where the evidence is as far away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from istar.arms.sandboxed import SandboxArms
from istar.arms.task_questions import with_references
from istar.protocol.asking import Asked
from istar.protocol.scoring import comparison_json
from istar.questions import QuestionView, Run
from istar.rewards.multipliers import Comparison, compare
from istar.seeds import Seed
from istar.tasks import structure_of
from istar.truth import build_table
from istar.uses.auroc import CHANCE, Area, areas, wins
from istar.uses.errors import UseError
from istar.uses.far_evidence import Horizon, draw_contexts, draw_questions, labels
from istar.uses.reading import Said, generic_text, listen, prices_of_runs
from istar.uses.regression import Ridge, fit_ridge

if TYPE_CHECKING:
    from istar.arms.settings import ArmSettings
    from istar.methods.side_by_side import MethodFile
    from istar.questions import Question
    from istar.targets import Target
    from istar.truth import Table

Progress = Callable[[int, int], None]
LEVEL = 0.8
"""The skill at which multipliers are compared."""


@dataclass(frozen=True)
class Detection:
    """How well contexts with evidence are told from those without.

    Attributes:
        method: by the method's channels, through a detector that learned at the first length.
        brute_force: by the runs' own values, with nothing learned.
        flops: what the channels took.
        brute_flops: what the values took.
    """

    method: Area
    brute_force: Area
    flops: int
    brute_flops: int


@dataclass(frozen=True)
class AtLength:
    """What was measured at one length.

    Attributes:
        length: tokens of a context, at most.
        saved: compute multipliers and skill gained, white box against black box.
        heard: in how many of the executor's answers channels were bought.
        answers: how many answers there are.
        detection: of evidence that is as far away.
    """

    length: int
    saved: Comparison
    heard: int
    answers: int
    detection: Detection

    @property
    def multiplier(self) -> tuple[float, float, float]:
        """How many times fewer FLOPs for a skill of `LEVEL`, with its 95% interval."""
        found = self.saved.multipliers[LEVEL]
        return found.estimate, found.low, found.high


@dataclass(frozen=True)
class Transfer:
    """What came of what was learned, by length.

    Attributes:
        method: its name.
        target: the target's name.
        texts: the data set.
        interpret_flops: what interpreting the target took; not charged.
        learning_flops: what the channels took that the detector learned from.
        explained: share of the variance of labels that the detector explains on contexts left out, where it learned.
        lengths: what was measured, by length, ascending.
    """

    method: str
    target: str
    texts: str
    interpret_flops: int
    learning_flops: int
    explained: float
    lengths: tuple[AtLength, ...]

    @property
    def saving_ends(self) -> int | None:
        """The first length at which the multiplier's interval holds 1, nothing saved, or lies below; None if none."""
        return next((each.length for each in self.lengths if each.multiplier[1] <= 1), None)

    @property
    def detection_ends(self) -> int | None:
        """The first length at which the interval of the area holds chance, or lies below; None if none."""
        return next((each.length for each in self.lengths if each.detection.method.low <= CHANCE), None)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            **{"method": self.method, "target": self.target, "texts": self.texts},
            **{"interpret_flops": self.interpret_flops, "learning_flops": self.learning_flops},
            "explained": self.explained,
            "lengths": [
                {
                    **{"length": each.length, "heard": each.heard, "answers": each.answers},
                    **comparison_json(each.saved),
                    "detection": asdict(each.detection),
                }
                for each in self.lengths
            ],
            "saving_ends": self.saving_ends,
            "detection_ends": self.detection_ends,
        }


def measure_horizon(
    config: ArmSettings,
    target: Target,
    file: MethodFile,
    name: str,
    horizon: Horizon,
    *,
    progress: Callable[[str], Progress] | None = None,
) -> Transfer:
    """Learn and choose at one length, and measure at this and at longer ones.

    Args:
        config: the executor, and what the method may use.
        target: the target.
        file: the method.
        name: its name.
        horizon: lengths, and how many questions and contexts.
        progress: given what is being run, returns what is called as its tokens are run.

    Raises:
        MethodError: the method fails.
        TaskError: the texts cannot be made with the target's tokenizer.
        UseError: the horizon is longer than the target's positions, or the method fails on a question, has nothing to
            say or costs too much.
    """
    seed = config.environment_seed
    questions = draw_questions(horizon, target, seed)
    tables = {
        length: [_built(question, target, seed, length, progress) for question in theirs]
        for length, theirs in questions.items()
    }
    known = tables[horizon.length][: horizon.questions]
    tested = {**tables, horizon.length: tables[horizon.length][horizon.questions :]}
    task = known[0].question.task
    every = [with_references(task, tuple(known))]
    every += [with_references(task, (table,), tuple(known)) for theirs in tested.values() for table in theirs]
    with SandboxArms(config, target, generic_text(target, seed, horizon.length), every) as arms:
        with arms.session(file.source, name, file.parts) as session:
            interpret = session.interpret()
            asked = {}
            for length, theirs in tested.items():
                asked[length] = Asked(lambda table, _: session.evaluate(table, known), arms.baseline)
                asked[length].ask(task, theirs)
                if asked[length].failures:
                    raise UseError(f"{name!r} failed at {length} tokens; {next(iter(asked[length].failures.values()))}")
        detector, learning_flops = _learned(arms, file, name, horizon)
        detected = {
            length: _detected(arms, file, name, horizon, length, detector, progress) for length in horizon.lengths
        }
    root = Seed.root(seed)
    return Transfer(
        *(name, target.name, horizon.data_set, interpret.flops, learning_flops, detector.explained),
        lengths=tuple(
            AtLength(
                length,
                saved=compare(asked[length].baseline, asked[length].interp, seed=root.split(length)).tasks[0],
                heard=sum(curve.channel_batches[-1] > 0 for curve in asked[length].interp),
                answers=len(asked[length].interp),
                detection=detected[length],
            )
            for length in horizon.lengths
        ),
    )


def _built(
    question: Question, target: Target, seed: int, length: int, progress: Callable[[str], Progress] | None
) -> Table:
    told = None if progress is None else progress(f"running questions of {length} tokens")
    return build_table(target, question, seed, told)


def _said(
    arms: SandboxArms, file: MethodFile, name: str, horizon: Horizon, length: int, part: str
) -> tuple[list[Run], Said, int]:
    """Return contexts with evidence, then without, what the method says of them, and the FLOPs of their values."""
    seed = Seed.root(arms.config.environment_seed).split("horizon", part)
    runs = draw_contexts(horizon, arms.target, length, horizon.contexts, seed)
    texts = [(row % horizon.contexts,) for row in range(len(runs))]
    exact = prices_of_runs(arms.target, runs).total
    view = QuestionView(tuple(runs), structure_of([("text", "arm")], texts))
    return runs, listen(arms, file, name, view, exact), exact


def _learned(arms: SandboxArms, file: MethodFile, name: str, horizon: Horizon) -> tuple[Ridge, int]:
    """Return a regression of labels on channels at the first length, its penalty chosen there, and what it took."""
    _, said, _ = _said(arms, file, name, horizon, horizon.length, "learned")
    return fit_ridge(said.channels, labels(horizon.contexts)), said.flops


def _detected(
    arms: SandboxArms,
    file: MethodFile,
    name: str,
    horizon: Horizon,
    length: int,
    detector: Ridge,
    progress: Callable[[str], Progress] | None,
) -> Detection:
    runs, said, exact = _said(arms, file, name, horizon, length, "tested")
    told = None if progress is None else progress(f"running contexts of {length} tokens")
    values = arms.target.values(runs, told).numpy()
    scores: Sequence[np.ndarray] = (detector.predict(said.channels), values)
    count = horizon.contexts
    method, brute_force = areas(
        [[wins(each[:count], each[count:])] for each in scores],
        ["contexts"],
        1,
        Seed.root(arms.config.environment_seed).split("horizon", "detection", length),
    )
    return Detection(method, brute_force, said.flops, exact)
