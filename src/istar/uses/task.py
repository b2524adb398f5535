"""A new task of the same type signature, answered with a method and without. Nothing is trained, and nothing rewarded.

The family is a user's own file. Its questions are built by brute force here, so that answers can be held to the truth;
the executor answers each from rows that it buys, and from rows and what the method says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from istar.arms.sandboxed import SandboxArms
from istar.arms.task_questions import task_questions
from istar.ledger import InterpretationRecord
from istar.plugins import VARIABLE, load_plugins
from istar.protocol.asking import Asked, together
from istar.protocol.scoring import comparison_json
from istar.registrations import loaded_plugins
from istar.rewards.curves import Curve
from istar.rewards.multipliers import Summary, compare
from istar.seeds import Seed
from istar.tasks import FAMILIES, Task, select_tasks
from istar.truth import build_truth
from istar.truth.effects.records import LEAST_QUESTIONS
from istar.uses.errors import UseError
from istar.uses.reading import generic_text

if TYPE_CHECKING:
    from istar.arms.settings import ArmSettings
    from istar.methods.side_by_side import MethodFile
    from istar.targets import Target
    from istar.truth import Table

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ArmAnswer:
    """What an executor answered where its own rule stopped; means over its seeds.

    Attributes:
        answer: output by output.
        skill: 1 for the truth, 0 for the best answer without looking.
        flops: what it had spent.
    """

    answer: tuple[float, ...]
    skill: float
    flops: float


@dataclass(frozen=True)
class QuestionAnswers:
    """The answers to one question.

    Attributes:
        task: the task's name.
        index: which of its questions.
        truth: the answer by brute force.
        brute_flops: what that took.
        with_method: the answer from rows and the method's channels.
        without: the answer from rows alone.
    """

    task: str
    index: int
    truth: tuple[float, ...]
    brute_flops: int
    with_method: ArmAnswer
    without: ArmAnswer


@dataclass(frozen=True)
class TaskUse:
    """What a method did on the tasks of a family.

    Attributes:
        method: its name.
        target: the target's name.
        interpret: what interpreting the target took; not charged.
        answers: of every question.
        summary: compute multipliers with their intervals, for each task and for all.
        baseline: efficiency curves without the method.
        interp: those with it.
        silent: on how many questions it had nothing to say, by task.
        failures: why it failed, by task; such tasks are in none of the above.
    """

    method: str
    target: str
    interpret: InterpretationRecord
    answers: tuple[QuestionAnswers, ...]
    summary: Summary
    baseline: tuple[Curve, ...]
    interp: tuple[Curve, ...]
    silent: Mapping[str, int]
    failures: Mapping[str, str]

    @property
    def heard(self) -> int:
        """In how many of the executor's answers channels were bought; elsewhere both arms are the same."""
        return sum(curve.channel_batches[-1] > 0 for curve in self.interp)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "method": self.method,
            "target": self.target,
            "interpret_flops": self.interpret.flops,
            "heard": self.heard,
            "asked": len(self.interp),
            "answers": [asdict(each) for each in self.answers],
            "tasks": {task.name: comparison_json(task) for task in self.summary.tasks},
            "all": comparison_json(self.summary.overall),
            "curves": {"with": skills(self.interp), "without": skills(self.baseline)},
            "silent": dict(self.silent),
            "failures": dict(self.failures),
        }


def skills(curves: Sequence[Curve]) -> dict[str, Any]:
    """Return the mean skill at each share of brute force, with its standard error over questions."""
    shares = [np.array(curve.checkpoints) / curve.brute_flops for curve in curves]
    common = np.unique(np.round(np.concatenate(shares), 6))
    common = common[common >= max(each[0] for each in shares) - 1e-6]
    every = np.stack(
        [
            np.array(curve.skill)[np.searchsorted(each, common + 1e-6, side="right") - 1]
            for curve, each in zip(curves, shares, strict=True)
        ]
    )
    questions = sorted({curve.question_hash for curve in curves})
    means = np.stack(
        [every[[curve.question_hash == question for curve in curves]].mean(axis=0) for question in questions]
    )
    error = means.std(axis=0, ddof=1) / np.sqrt(len(means)) if len(means) > 1 else np.zeros(len(common))
    return {"share": common.tolist(), "skill": means.mean(axis=0).tolist(), "standard_error": error.tolist()}


def load_family(path: Path) -> tuple[Task, ...]:
    """Return the tasks of the families that a user's file registers.

    For the rest of this process and those it starts, the file is one that `ISTAR_PLUGINS` names.

    Raises:
        PluginError: it cannot be loaded.
        UseError: it registers no family, or one of the sealed test.
    """
    if path.suffix != ".py" or not path.is_file():
        raise UseError(f"{path} is no Python file; `istar tasks new NAME` writes a family to begin with")
    named = [each for each in os.environ.get(VARIABLE, "").split(os.pathsep) if each]
    if path.resolve() not in [Path(each).expanduser().resolve() for each in named]:
        os.environ[VARIABLE] = os.pathsep.join([*named, str(path.resolve())])
    load_plugins()
    entries = [entry for plugin in loaded_plugins() if plugin.module == path.stem for entry in plugin.entries]
    families = [name for kind, name in entries if kind == FAMILIES.kind]
    if not families:
        raise UseError(f"{path} registers no family; end it with FAMILIES.add(Mine.name, Mine())")
    for family in families:
        if FAMILIES.get(family).split == "test":
            raise UseError(
                f"the family {family!r} is of the test split, which `istar unseal` alone asks; a family for direct use "
                'has the split "use"'
            )
    return select_tasks(families)


def check_questions(questions: int) -> None:
    """Check that there are enough questions for the executor to learn from.

    Raises:
        UseError: there are not.
    """
    if not LEAST_QUESTIONS < questions <= 1000:
        raise UseError(
            f"{questions} questions of each task are too few or too many: the executor learns from {LEAST_QUESTIONS} "
            f"others at least; give --questions from {LEAST_QUESTIONS + 1} to 1000"
        )


def use_on_task(
    config: ArmSettings,
    target: Target,
    chosen: Sequence[Task],
    file: MethodFile,
    name: str,
    *,
    questions: int,
    progress: Callable[[Task, int], Progress] | None = None,
    on_question: Callable[[Table], None] | None = None,
) -> TaskUse:
    """Answer the questions of some tasks with a method and without.

    Args:
        config: the executor, and what the method may use.
        target: the target.
        chosen: the tasks.
        file: the method.
        name: its name.
        questions: how many of each task.
        progress: given a task and an index, returns what is called as that question's tokens are run.
        on_question: called after every question that was answered.

    Raises:
        UseError: the method failed on every task.
    """
    check_questions(questions)
    list(build_truth(chosen, target, questions=range(questions), progress=progress))
    every = {task.name: task_questions(task.name, target) for task in chosen}
    tables = {task: found.first(questions) for task, found in every.items()}
    corpus = generic_text(target, config.environment_seed)
    with (
        SandboxArms(config, target, corpus, every.values()) as arms,
        _interpreted(arms, file, name) as (session, interpret),
    ):
        asked = []
        for task, theirs in tables.items():
            asked.append(Asked(session.evaluate, arms.baseline, on_question))
            asked[-1].ask(task, theirs)
    whole = together(asked)
    if not whole.interp:
        raise UseError(f"{name!r} failed on every task; {next(iter(whole.failures.values()))}")
    return TaskUse(
        method=name,
        target=target.name,
        interpret=interpret,
        answers=tuple(
            _answers(table, whole) for task, theirs in tables.items() if task not in whole.failures for table in theirs
        ),
        summary=compare(whole.baseline, whole.interp, seed=Seed.root(config.environment_seed)),
        baseline=tuple(whole.baseline),
        interp=tuple(whole.interp),
        silent=whole.silent,
        failures=whole.failures,
    )


@contextmanager
def _interpreted(arms: SandboxArms, file: MethodFile, name: str) -> Iterator[tuple[Any, InterpretationRecord]]:
    with arms.session(file.source, name, file.parts) as session:
        yield session, session.interpret()


def _answers(table: Table, asked: Asked) -> QuestionAnswers:
    question = table.question

    def mean(curves: Sequence[Curve]) -> ArmAnswer:
        theirs = [curve for curve in curves if curve.question_hash == question.hash]
        answer = np.mean([curve.stop_answer for curve in theirs], axis=0)
        skill, flops = (
            float(np.mean([getattr(each, name) for each in theirs])) for name in ("stop_skill", "stop_flops")
        )
        return ArmAnswer(tuple(answer.tolist()), skill, flops)

    truth = question.functional.answer(table.values, question.structure)
    return QuestionAnswers(
        *(question.task, question.index, tuple(np.asarray(truth).tolist()), table.brute_flops),
        with_method=mean(asked.interp),
        without=mean(asked.baseline),
    )
