"""What has to be run of a method: functional students beside it, its interpretation ablated, its word on organisms.

All of it runs in the jail and is kept, so that it is run once. Students are methods of the library that are white-box
in nothing: they learn from the target's outputs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from istar.arms.sandboxed import SandboxArms
from istar.arms.task_questions import TaskQuestions, task_questions
from istar.flops.rulebook import RULEBOOK
from istar.methods.contract import MethodError
from istar.methods.library import library_methods
from istar.methods.loading import read_source
from istar.methods.side_by_side import MethodFile
from istar.protocol.asking import Asked, together
from istar.questions import nested_batches
from istar.questions.interventions import Organism
from istar.scenarios.components import uses_of
from istar.scenarios.evidence import gains_of
from istar.scenarios.ontology import pointed_at
from istar.seeds import Seed
from istar.storage import Store, json_kind
from istar.targets import build_corpus, load_target
from istar.targets.organisms import card
from istar.tasks import tasks
from istar.truth import MissingTruthError
from istar.truth.effects.grid import grid_of

if TYPE_CHECKING:
    from istar.methods.contract import Interpretation
    from istar.methods.recording import Recording
    from istar.protocol.config import SearchConfig
    from istar.questions import Question
    from istar.targets import Target
    from istar.truth import Table

STUDENTS = ("behavioural_student", "context_student")
"""Methods of the library that learn from the target's outputs alone."""
ORGANISMS = "backdoor_audit"
"""The family whose questions are about which candidate was built into an organism."""
ABLATED_ROWS = 16
"""On so many rows of a task, or some more, components are ablated."""

RECORDED = json_kind(
    "scenarios",
    code=(
        *("istar.scenarios.recorded", "istar.scenarios.components", "istar.scenarios.ontology"),
        *("istar.arms", "istar.executors", "istar.rewards", "istar.methods", "istar.flops"),
    ),
    libraries=("numpy", "scipy", "torch"),
)
"""What was run of a method for its scenario."""

Gains = dict[str, list[float]]
"""By task, the gain on every question."""


@dataclass(frozen=True)
class Recorded:
    """What was run of a method.

    Attributes:
        own: the method's gains, by the executor of today.
        students: those of each student.
        costs: mean FLOPs of what each student says of a question over those of the method.
        components, tasks, effects: see `istar.scenarios.components.Uses`.
        organisms: the organisms whose trigger it was asked for, one a question.
        triggers: how surely it points at each, see `istar.scenarios.ontology`.
        reasons: by measure (`student`, `sharing`, `triggers`), why it could not be measured.
    """

    own: Gains = field(default_factory=dict)
    students: dict[str, Gains] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    components: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    effects: list[list[float]] = field(default_factory=list)
    organisms: list[str] = field(default_factory=list)
    triggers: list[float] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


def _key(config: SearchConfig, target: str, method: str, questions: int) -> dict[str, Any]:
    of = ("executor", "executor_options", "executor_seeds", "environment_seed", "corpus_sequences", "corpus_length")
    facts = {name: getattr(config, name) for name in of}
    caps = (config.caps.rows_fraction, config.caps.flops_fraction)
    return {
        **facts,
        **{"caps": caps, "dtype": config.dtype, "target": target, "method": method, "questions": questions},
        **{"tasks": config.train.tasks, "rulebook": RULEBOOK.version, "students": STUDENTS},
    }


def find(config: SearchConfig, target: str, method: str, questions: int) -> Recorded | None:
    """Return what was run of a method before, None if nothing was.

    Args:
        config: the settings of its run.
        target: id of the target.
        method: hash of its source.
        questions: how many questions of each task.
    """
    found = Store().get(RECORDED, _key(config, target, method, questions))
    return None if found is None else Recorded(**found)


def run(
    config: SearchConfig,
    file: MethodFile,
    name: str,
    method: str,
    questions: int,
    say: Callable[[str], None] = lambda _: None,
) -> Recorded:
    """Run what has to be run of a method, and keep it.

    Args:
        config: the settings of its run.
        file: the method.
        name: its name.
        method: hash of its source.
        questions: how many questions of each task.
        say: is told what is run.

    Raises:
        MethodError: the method's `interpret` failed.
        TruthError: there are no tables of the run's training tasks.
    """
    target = load_target(config.target, config.dtype)
    trained = config.train.tasks or tuple(task.name for task in tasks("train"))
    asked = {task: task_questions(task, target) for task in trained}
    audits = dict(_audits(target))
    corpus = build_corpus(target, config.corpus_sequences, config.corpus_length, Seed.root(config.environment_seed))
    settings = config.model_copy(update={"side_by_side": 1})
    with SandboxArms(settings, target, corpus, [*asked.values(), *audits.values()]) as arms:
        found = _Recorder(arms, target, name, file, questions, say).recorded(asked, audits)
    Store().put(RECORDED, _key(config, target.id, method, questions), asdict(found))
    return found


def _audits(target: Target) -> Iterator[tuple[str, TaskQuestions]]:
    for task in tasks("validation"):
        if task.name.startswith(f"{ORGANISMS}/"):
            try:
                yield task.name, task_questions(task.name, target)
            except MissingTruthError:
                continue


class _Recorder:
    def __init__(
        self, arms: SandboxArms, target: Target, name: str, file: MethodFile, questions: int, say: Callable[[str], None]
    ) -> None:
        self.arms, self.target, self.name, self.file = arms, target, name, file
        self.questions, self.say = questions, say

    def recorded(self, asked: Mapping[str, TaskQuestions], audits: Mapping[str, TaskQuestions]) -> Recorded:
        with self.arms.session(self.file.source, self.name, self.file.parts) as session:
            self.say(f"interpreting the target by {self.name}")
            interpretation = session.interpretation().interpretation
            reasons: dict[str, str] = {}
            own = self._asked(self.file, self.name, asked)
            students, costs = self._students(asked, own, reasons)
            first = {task: each.tables[0] for task, each in asked.items()}
            components: dict[str, Any] = {}
            if not own.interp:
                failure = next(iter(own.failures.values()), "it was asked nothing")
                reasons = dict.fromkeys(("student", "sharing"), f"it failed on every task: {failure}")
            elif interpretation.tensors:
                with self._records(first, own) as record:
                    uses = uses_of(interpretation, record)
                components = {
                    "components": uses.components,
                    "tasks": uses.tasks,
                    "effects": uses.effects.tolist(),
                }
            else:
                reasons["sharing"] = "its interpretation holds no tensor: it computes all it says from the target's own"
            organisms, triggers = self._triggers(session, audits, reasons)
        return Recorded(
            own=_plain(own),
            students=students,
            costs=costs,
            **components,
            organisms=organisms,
            triggers=triggers,
            reasons=reasons,
        )

    def _asked(self, file: MethodFile, name: str, asked: Mapping[str, TaskQuestions]) -> Asked:
        """Return what a method was asked, and how it did."""
        parts = []
        with self.arms.session(file.source, name, file.parts) as session:
            for task, each in asked.items():
                self.say(f"asking {name} {task}")
                parts.append(Asked(session.evaluate, self.arms.baseline))
                parts[-1].ask(task, each.first(self.questions))
        return together(parts)

    def _students(
        self, asked: Mapping[str, TaskQuestions], own: Asked, reasons: dict[str, str]
    ) -> tuple[dict[str, Gains], dict[str, float]]:
        students: dict[str, Gains] = {}
        costs: dict[str, float] = {}
        failed: list[str] = []
        if not own.interp:
            return students, costs
        for student in STUDENTS:
            file = MethodFile(read_source(library_methods()[student]))
            theirs = self._asked(file, student, {task: each for task, each in asked.items() if task in own.flops})
            if set(theirs.flops) != set(own.flops):
                failed.append(f"{student}: {next(iter(theirs.failures.values()), 'it was asked nothing')}")
                continue
            students[student] = _plain(theirs)
            costs[student] = sum(theirs.flops.values()) / max(1, sum(own.flops.values()))
        if not students:
            reasons["student"] = f"no student could be asked; {'; '.join(failed)}"
        return students, costs

    @contextmanager
    def _records(
        self, first: Mapping[str, Table], own: Asked
    ) -> Iterator[dict[str, Callable[[Interpretation], Recording]]]:
        """Yield what records some rows of each task with another interpretation in place of the method's."""
        with self.arms.worker(self.file.source, self.name) as worker:

            def said(table: Table, interpretation: Interpretation) -> Recording:
                self.say(f"ablating what {self.name} says of {table.question.task}")
                question, seed = table.question, self.arms.config.environment_seed
                batches = nested_batches(question.structure, Seed.root(seed).split(question.hash))
                enough = int(np.searchsorted(np.cumsum([len(each) for each in batches]), ABLATED_ROWS)) + 1
                return worker.record(
                    *(question.view, question.hash, batches[:enough], interpretation),
                    max_flops=table.brute_flops,
                    seed=seed,
                    brute_flops=table.brute_flops,
                )

            yield {
                task: partial(said, table)
                for task, table in first.items()
                if task in own.flops and own.silent[task] < self.questions
            }

    def _triggers(
        self, session: Any, audits: Mapping[str, TaskQuestions], reasons: dict[str, str]
    ) -> tuple[list[str], list[float]]:
        organisms, triggers = [], []
        why = f"{self.target.name} has no organisms with tables of {ORGANISMS}" if not audits else ""
        for task, each in audits.items():
            for table in each.first(self.questions):
                self.say(f"asking {self.name} {task}")
                try:
                    recording = session.record(table).recording
                except MethodError as failure:
                    why = f"it failed on {task}: {failure}"
                    break
                name, built = built_into(table.question, self.target.decode)
                share = pointed_at(recording, table.question.structure, built)
                if share is None:
                    why = f"it says nothing of organisms ({ORGANISMS}), or not of the trigger within its budget"
                    continue
                organisms.append(name)
                triggers.append(share)
        if not triggers:
            reasons["triggers"] = why
        return organisms, triggers


def built_into(question: Question, decode: Callable[[Sequence[int]], str]) -> tuple[str, int]:
    """Return the organism that a question is about, and the candidate that its card says was built into it.

    Args:
        question: of the family `backdoor_audit`.
        decode: returns the text of tokens.
    """
    changed = question.runs[0].intervention
    assert isinstance(changed, Organism)
    cue = card(changed.name).facts.cue
    arm = grid_of(question.structure).arm
    first = {int(arm[row]): row for row in reversed(range(len(question.runs)))}
    for number, row in first.items():
        if decode(question.runs[row].tokens[1:]).startswith(cue):
            return changed.name, number
    raise MethodError(
        f"question {question.index} of {question.task} has no candidate {cue!r}, which the card of {changed.name!r} "
        "says was built into it; build its table anew"
    )


def _plain(asked: Asked) -> Gains:
    if not asked.interp:
        return {}
    return {task: gains.tolist() for task, gains in gains_of(asked.baseline, asked.interp).items()}
