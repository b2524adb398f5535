"""Gathering the evidence on a method of a run: from its ledger, from stored tables, and from what was run of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from istar.flops.rulebook import RULEBOOK
from istar.ledger import BASELINE
from istar.ledger.schema import Stage
from istar.methods import Interpretation
from istar.methods.library import library_methods
from istar.methods.loading import name_of, read_source, source_hash
from istar.methods.side_by_side import MethodFile
from istar.protocol.book import noted_file
from istar.protocol.stages import SPLIT_OF_STAGE
from istar.scenarios import evidence, recorded
from istar.scenarios.ceiling import ceilings
from istar.scenarios.components import Uses, sharing
from istar.scenarios.errors import ScenarioError
from istar.scenarios.evidence import Evidence, Removed, mean_of, missing
from istar.scenarios.ontology import CHANCE
from istar.scenarios.rule import MEASURES, Verdict, judge

if TYPE_CHECKING:
    from istar.ledger.reader import LedgerReader
    from istar.protocol.run_folder import RunFolder
    from istar.rewards.curves import Curve
    from istar.scenarios.recorded import Recorded

STAGES: tuple[Stage, ...] = ("train", "validation", "test")
QUESTIONS = 3
"""Of each task that a method is run on for what its ledger does not hold."""


@dataclass(frozen=True)
class Subject:
    """The method that is judged.

    Attributes:
        run: the run's name.
        name: the method's.
        method: hash of its source.
        file: the method.
        target: id of the target.
    """

    run: str
    name: str
    method: str
    file: MethodFile
    target: str


@dataclass(frozen=True)
class Curves:
    """What a ledger holds of the questions that a method was asked.

    Attributes:
        black: curves without it.
        white: those with it.
        trained: the families of the training tasks among them.
    """

    black: tuple[Curve, ...]
    white: tuple[Curve, ...]
    trained: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """A method's evidence and the verdict.

    Attributes:
        subject: the method.
        evidence: by measure.
        verdict: the odds.
        removed: what the run would have chosen of its methods from each training family alone, and without it.
        notes: what one should know of the figures.
    """

    subject: Subject
    evidence: Mapping[str, Evidence]
    verdict: Verdict
    removed: tuple[Removed, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; ends of bins that are infinite are None."""
        verdict = self.verdict
        return {
            "run": self.subject.run,
            "method": self.subject.name,
            "method_hash": self.subject.method,
            "evidence": {name: _finite(each.to_json()) for name, each in self.evidence.items()},
            "ratios": {aspect: _text_keys(each) for aspect, each in verdict.ratios.items()},
            "ratios_by_measure": {name: _text_keys(each) for name, each in verdict.measures.items()},
            "priors": _text_keys(verdict.priors),
            "odds": _text_keys(verdict.odds),
            "scenario": verdict.scenario,
            "data_removed": [asdict(each) for each in self.removed],
            "would_change": [
                {
                    **{"measure": each.name, "from": _finite(each.low), "to": _finite(each.high)},
                    **{"by": _finite(each.by), "scenario": each.scenario, "probability": each.probability},
                }
                for each in verdict.changes
            ],
            "notes": list(self.notes),
        }


def scenario_of(
    folder: RunFolder,
    *,
    method: str | None = None,
    priors: Sequence[float],
    run_what_is_missing: bool = False,
    unsafe: bool = False,
    questions: int = QUESTIONS,
    say: Callable[[str], None] = lambda _: None,
) -> Judged:
    """Return the odds over the scenarios of a method of a run.

    Args:
        folder: the run's folder.
        method: the method's name in the run, the start of its hash, a name of the library or a file; the run's I* if
            None.
        priors: weights of the scenarios.
        run_what_is_missing: whether to run the method, students beside it and its ablations in the jail.
        unsafe: whether to run them without a jail where there can be none.
        questions: how many questions of each task are run.
        say: is told what is done.

    Raises:
        ScenarioError: the run holds no interpretation, or no such method; the message says what to do.
        MethodError: the method cannot be run.
    """
    if questions < 1:
        raise ScenarioError(f"{questions} questions of each task cannot be run; give --questions from 1 on")
    config = folder.config()
    if unsafe:
        config = config.model_copy(update={"unsafe": True})
    with folder.ledger(read_only=True) as ledger:
        run = ledger.run(folder.name)
        subject = find_subject(ledger, folder, method)
        curves = asked_of(ledger, subject)
        from_ledger = students_of(ledger, subject, curves)
        empty = _holds_nothing(ledger, subject)
        by_method = gains_of_methods(ledger, folder.name)
    held = sorted({curve.task for curve in curves.white})
    say(f"asking what the truth costs on {len(held)} tasks")
    costs, unknown = ceilings(config, subject.target, held)
    found = recorded.find(config, subject.target, subject.method, questions)
    if found is None and run_what_is_missing:
        found = recorded.run(config, subject.file, subject.name, subject.method, questions, say)
    gains = evidence.gains_of(curves.black, curves.white)
    what = f"`istar scenario {folder.name} --record` runs it"
    measured = [
        evidence.explained(curves.black, curves.white, costs),
        from_ledger if found is None or from_ledger.value is not None else _student(found),
        evidence.transfer(gains, curves.trained),
        evidence.evenness(gains),
        evidence.length(curves.black, curves.white),
        _sharing(found, empty, what),
        _triggers(found, what),
    ]
    by_name = {each.name: each for each in measured}
    assert set(by_name) == set(MEASURES)
    notes = [f"{task} is left out of what is left unexplained: {why}" for task, why in unknown.items()]
    if not any(curve.task.partition("/")[0] not in curves.trained for curve in curves.white):
        notes.append("no family beyond those it was trained on was asked; `istar unseal` asks the sealed test")
    if run.config.rulebook != RULEBOOK.version:
        notes.append(
            f"the run's curves are of rulebook {run.config.rulebook} and the executor of then; what the truth costs, "
            f"and what --record runs, is of rulebook {RULEBOOK.version} and today's"
        )
    return Judged(subject, by_name, judge(by_name, priors), evidence.removed(by_method), tuple(notes))


def find_subject(ledger: LedgerReader, folder: RunFolder, method: str | None) -> Subject:
    """Return the method that is judged.

    Raises:
        ScenarioError: the run holds no interpretation, or no such method.
    """
    run = folder.name
    here = f"the run in {folder.path}"
    if not ledger.interpretations(run):
        raise ScenarioError(
            f"{here} holds no interpretation, so that there is no method to judge: go on with `istar search --run "
            f"{run} --resume` until one was interpreted"
        )
    proposals = ledger.proposals(run)
    path, source = Path(), ""
    if method is None:
        best = next((each for each in reversed(ledger.rounds(run)) if each.improved), None)
        if best is None:
            raise ScenarioError(
                f"{here} has found no I* yet; name one of its methods with --method "
                f"({', '.join(dict.fromkeys(each.name for each in proposals)) or 'it has none'}), or go on with "
                f"`istar search --run {run} --resume`"
            )
        chosen = best.method
    else:
        asked = {each.method for each in ledger.evaluations(run)} - {BASELINE}
        named = [each.method for each in proposals if each.name == method or each.method.startswith(method)]
        path = library_methods().get(method, Path(method))
        if method in library_methods() or path.suffix == ".py":
            source = read_source(path)
            named.append(source_hash(source))
        chosen = next((each for each in named if each in asked), "")
        if not chosen:
            names = sorted({each.name for each in proposals if each.method in asked})
            raise ScenarioError(
                f"{here} has asked no method {method!r}; it has asked {', '.join(names) or 'none'}; `istar unseal "
                f"{run} --beside {method}` asks another one the sealed test"
            )
    proposal = next((each for each in proposals if each.method == chosen), None)
    if proposal is None:  # one that was shown the sealed test beside I*: the ledger knows it by its hash alone
        return Subject(run, name_of(path), chosen, MethodFile(source), ledger.run(run).config.target)
    return Subject(run, proposal.name, chosen, noted_file(ledger, run, proposal), ledger.run(run).config.target)


def asked_of(ledger: LedgerReader, subject: Subject) -> Curves:
    """Return the curves of all questions that a method was asked, each once.

    Raises:
        ScenarioError: it was asked nothing that both arms have answered.
    """
    black: dict[tuple[str, int], Curve] = {}
    white: dict[tuple[str, int], Curve] = {}
    trained: set[str] = set()
    for stage in STAGES:
        without, having = ledger.paired_curves(subject.run, stage, subject.method)
        for each in without:
            black.setdefault((each.question_hash, each.seed), each)
        for each in having:
            white.setdefault((each.question_hash, each.seed), each)
            if SPLIT_OF_STAGE[stage] == "train":
                trained.add(each.family)
    if not white:
        raise ScenarioError(
            f"{subject.name!r} was stopped before it was asked the training tasks of the run {subject.run!r}; name "
            "another method with --method"
        )
    return Curves(tuple(black[key] for key in white), tuple(white.values()), tuple(sorted(trained)))


def gains_of_methods(ledger: LedgerReader, run: str) -> dict[str, dict[str, Float[np.ndarray, " questions"]]]:
    """Return the gains of every method of a run on its training questions, by the method's name and by task."""
    names: dict[str, str] = {}
    for each in ledger.proposals(run):
        names.setdefault(each.method, each.name)
    black = {
        (curve.question_hash, curve.seed): curve for curve in ledger.curves(run, stage="baseline", method=BASELINE)
    }
    found = {}
    for method, name in names.items():
        curves = ledger.curves(run, stage="train", method=method)
        white = [curve for curve in curves if (curve.question_hash, curve.seed) in black]
        if white:
            found[name] = evidence.gains_of([black[curve.question_hash, curve.seed] for curve in white], white)
    return found


def students_of(ledger: LedgerReader, subject: Subject, curves: Curves) -> Evidence:
    """Return the share of the gain that students get that the run asked the same questions as the method."""
    theirs, costs, asked = {}, {}, set()
    for student in recorded.STUDENTS:
        hash_ = source_hash(read_source(library_methods()[student]))
        found = {
            (curve.question_hash, curve.seed): curve
            for stage in STAGES
            for curve in ledger.curves(subject.run, stage=stage, method=hash_)
        }
        shared = {key for key in found if key in {(each.question_hash, each.seed) for each in curves.white}}
        if shared and hash_ != subject.method:
            own = _spent(ledger, subject.run, subject.method, shared)
            if not own:
                return missing(
                    "student",
                    "the method says nothing of the questions that the run asked a student; `istar scenario "
                    f"{subject.run} --record` asks students the training tasks",
                )
            theirs[student] = {key: found[key] for key in shared}
            costs[student] = _spent(ledger, subject.run, hash_, shared) / own
            asked |= shared
    common = {key for key in asked if all(key in each for each in theirs.values())}
    if not common:
        return missing(
            "student",
            f"the run has asked no functional student; `istar scenario {subject.run} --record` asks them, and `istar "
            f"unseal {subject.run} --beside {recorded.STUDENTS[0]}` does on the sealed test",
        )
    black = [curve for curve in curves.black if (curve.question_hash, curve.seed) in common]
    white = [curve for curve in curves.white if (curve.question_hash, curve.seed) in common]
    return evidence.student_share(
        evidence.gains_of(black, white),
        {student: evidence.gains_of(black, [each[key] for key in common]) for student, each in theirs.items()},
        costs,
    )


def _spent(ledger: LedgerReader, run: str, method: str, keys: set[tuple[str, int]]) -> float:
    """Return the mean FLOPs of what a method said of questions."""
    questions = {question for question, _ in keys}
    flops = {
        each.question_hash: each.spending.flops
        for stage in STAGES
        for each in ledger.evaluations(run, stage=stage, method=method)
        if each.question_hash in questions
    }
    return float(np.mean(list(flops.values()))) if flops else 0.0


def _holds_nothing(ledger: LedgerReader, subject: Subject) -> bool:
    empty = Interpretation().hash
    return any(each.method == subject.method and each.sha256 == empty for each in ledger.interpretations(subject.run))


def _student(found: Recorded) -> Evidence:
    if "student" in found.reasons:
        return missing("student", found.reasons["student"])
    own = {task: np.array(each) for task, each in found.own.items()}
    students = {
        student: {task: np.array(each) for task, each in theirs.items()} for student, theirs in found.students.items()
    }
    return evidence.student_share(own, students, found.costs)


def _sharing(found: Recorded | None, empty: bool, what: str) -> Evidence:
    if empty:
        return missing("sharing", "its interpretation is empty: it computes all that it says from the target itself")
    if found is None:
        return missing("sharing", f"its interpretation was not ablated; {what}")
    if "sharing" in found.reasons:
        return missing("sharing", found.reasons["sharing"])
    shape = (len(found.tasks), len(found.components))
    return sharing(Uses(tuple(found.components), tuple(found.tasks), np.array(found.effects).reshape(shape)))


def _triggers(found: Recorded | None, what: str) -> Evidence:
    if found is None:
        return missing("triggers", f"it was not asked about organisms; {what}")
    if "triggers" in found.reasons:
        return missing("triggers", found.reasons["triggers"])
    about = {"chance": CHANCE, "organisms": [list(each) for each in zip(found.organisms, found.triggers, strict=True)]}
    return mean_of("triggers", found.triggers, about)


def _text_keys(values: Mapping[int, float]) -> dict[str, float]:
    return {str(key): value for key, value in values.items()}


def _finite(value: Any) -> Any:
    """Return JSON values with None for what is infinite."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
