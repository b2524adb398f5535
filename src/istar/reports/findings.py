"""What a report tells, gathered from the ledger; nothing here is about how it looks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from istar.ledger import (
    DrawRecord,
    EvaluationRecord,
    InterpretationRecord,
    OpeningRecord,
    PartRecord,
    ProposalRecord,
    RoundRecord,
    RunRecord,
    TaskRecord,
    Tried,
    tried,
)
from istar.ledger.reader import LedgerReader
from istar.ledger.schema import Stage
from istar.protocol.plateau import Plateau
from istar.reports.plateau import plateau_of
from istar.rewards import REWARDS, Curve, Summary, compare
from istar.rewards.believed import Believed, believed
from istar.rewards.budgets import at_shares, common_shares, shares_of
from istar.rewards.intervals import Intervals, intervals
from istar.rewards.memorised import Answered, Memorisation, compared
from istar.rewards.pairs import SKILL_FLOOR
from istar.seeds import Seed

JUDGED: tuple[Stage, ...] = ("test", "validation", "train")
"""The stages a report shows, the most trustworthy first; the screen repeats a training question."""


@dataclass(frozen=True)
class Band:
    """The mean efficiency curve of one arm on one task.

    Attributes:
        mean: mean skill over questions and seeds at each budget.
        low: the least over seeds of the mean over questions.
        high: the greatest.
        stop_share: geometric mean of the FLOPs at the executor's own stop, as a share of brute force.
        stop_skill: mean skill there.
        intervals: what the executor's own intervals are worth.
    """

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    stop_share: float
    stop_skill: float
    intervals: Intervals


@dataclass(frozen=True)
class TaskCurves:
    """Both arms on one task.

    Attributes:
        task: the task's name.
        stage: the stage of the cascade that the curves come from.
        questions: how many questions they average.
        seeds: how many executor seeds.
        budgets: budgets as shares of brute force, those that all of its curves reach.
        black: the black-box arm.
        white: the white-box arm.
        believed: what the executor believed of the method; None if it does not say.
    """

    task: str
    stage: Stage
    questions: int
    seeds: int
    budgets: tuple[float, ...]
    black: Band
    white: Band
    believed: Believed | None


@dataclass(frozen=True)
class Champion:
    """The method a report is about.

    Attributes:
        proposal: its proposal.
        source: its source.
        parts: the methods that it puts side by side; none of a method of its own, or where they were not noted.
        validated: False if no method passed validation and this is merely the best in training.
        summaries: multipliers and gains by stage, for the stages that it finished.
        curves: mean curves by task.
        intervals: what the executor's own intervals are worth with I* and without, by stage.
        evaluations: its evaluations at all stages.
        interpretation: what interpreting the target cost, None if that is not in the ledger.
        lineage: iterations from its first ancestor in the run down to itself.
        draw: the fresh questions that the test asked it; None if it asked those with shipped tables, or was not opened.
        memorisation: what both kinds of questions say of whether it knew shipped answers; None if not both were asked.
    """

    proposal: ProposalRecord
    source: str
    parts: tuple[PartRecord, ...]
    validated: bool
    summaries: Mapping[Stage, Summary]
    curves: tuple[TaskCurves, ...]
    intervals: Mapping[Stage, tuple[Intervals, Intervals]]
    evaluations: tuple[EvaluationRecord, ...]
    interpretation: InterpretationRecord | None
    lineage: tuple[int, ...]
    draw: DrawRecord | None
    memorisation: Memorisation | None

    def flops_by(self, what: str) -> dict[str, int]:
        """Return FLOPs of all evaluations by `by_op` or `by_region`, the greatest first."""
        total: Counter[str] = Counter()
        for evaluation in self.evaluations:
            total.update(getattr(evaluation.spending, what))
        return dict(total.most_common())


@dataclass(frozen=True)
class Findings:
    """Everything that a report tells of a run.

    Attributes:
        run: the run.
        champion: I*, or the best in training; None if no method got so far.
        tasks: its tasks, those that were dropped included.
        rounds: outcomes of all iterations.
        proposals: proposals by iteration.
        evaluations: the evaluations of all methods, without the black-box arm's.
        validation: consultations of validation.
        test: unsealings of the test.
        opened: how often the test was opened on each family, in all runs of the ledger.
        tried: what the researcher tried on training questions besides what it proposed.
        plateau: what is known of whether the search has stopped improving; None where its formula is not here.
    """

    run: RunRecord
    champion: Champion | None
    tasks: tuple[TaskRecord, ...]
    rounds: tuple[RoundRecord, ...]
    proposals: Mapping[int, ProposalRecord]
    evaluations: tuple[EvaluationRecord, ...]
    validation: tuple[OpeningRecord, ...]
    test: tuple[OpeningRecord, ...]
    opened: Mapping[str, int]
    tried: Tried
    plateau: Plateau | None

    @property
    def entropies(self) -> dict[int, float]:
        """The entropy of the researcher's policy by iteration, where the researcher records one."""
        recorded = {iteration: proposal.parameters.get("entropy") for iteration, proposal in self.proposals.items()}
        return {iteration: value for iteration, value in recorded.items() if isinstance(value, float)}


def gather(ledger: LedgerReader, run: str) -> Findings:
    """Return what a report tells of a run.

    Raises:
        MissingRecordError: the ledger holds no such run.
    """
    record = ledger.run(run)
    rounds = ledger.rounds(run)
    proposals = {proposal.iteration: proposal for proposal in ledger.proposals(run)}
    return Findings(
        run=record,
        champion=_champion(ledger, record, rounds, proposals),
        tasks=ledger.tasks(run),
        rounds=rounds,
        proposals=proposals,
        evaluations=tuple(each for each in ledger.evaluations(run) if each.stage != "baseline"),
        validation=ledger.openings(run, "validation"),
        test=ledger.openings(run, "test"),
        opened=ledger.families_opened(),
        tried=tried(ledger.uses(run)),
        plateau=plateau_of(ledger, record),
    )


def _champion(
    ledger: LedgerReader, run: RunRecord, rounds: Sequence[RoundRecord], proposals: Mapping[int, ProposalRecord]
) -> Champion | None:
    improved = [each.iteration for each in rounds if each.improved]
    trained = [each for each in rounds if each.status == "ok" and each.reward is not None]
    if improved:
        iteration = improved[-1]
    elif trained:
        iteration = max(trained, key=lambda each: each.reward or 0.0).iteration
    else:
        return None
    proposal = proposals[iteration]
    evaluations = ledger.evaluations(run.name, method=proposal.method)
    failed = {each.stage for each in evaluations if each.status != "ok"}
    arms = {stage: ledger.paired_curves(run.name, stage, proposal.method) for stage in JUDGED if stage not in failed}
    paired = {stage: each for stage, each in arms.items() if each[1]}
    costs = [each for each in ledger.interpretations(run.name) if each.method == proposal.method]
    return Champion(
        proposal=proposal,
        source=ledger.source(proposal.method),
        parts=tuple(each for each in ledger.parts(run.name) if each.iteration == iteration),
        validated=bool(improved),
        summaries={
            stage: compare(black, white, seed=Seed.root(run.config.seed).split("report", stage))
            for stage, (black, white) in paired.items()
        },
        curves=tuple(each for stage, (black, white) in paired.items() for each in _task_curves(stage, black, white)),
        intervals={
            stage: (intervals(white, black), intervals(black, black)) for stage, (black, white) in paired.items()
        },
        evaluations=evaluations,
        interpretation=costs[0] if costs else None,
        lineage=_lineage(proposal, proposals),
        draw=ledger.draw(run.name, proposal.method, iteration),
        memorisation=memorisation_of(ledger, run, proposal.method),
    )


def memorisation_of(ledger: LedgerReader, run: RunRecord, method: str) -> Memorisation | None:
    """Return what the test's questions say of whether a method knew shipped answers; None if it asked one kind only."""
    if run.config.reward not in REWARDS:  # a formula of a plug-in that is not here
        return None
    stages: tuple[Stage, Stage] = ("committed", "test")
    known, drawn = (_answered(ledger, run.name, stage, method) for stage in stages)
    if known is None or drawn is None:
        return None
    return compared(run.config.reward, known, drawn, Seed.root(run.config.seed))


def _answered(ledger: LedgerReader, run: str, stage: Stage, method: str) -> Answered | None:
    evaluations = ledger.evaluations(run, stage=stage, method=method)
    failed = {each.task for each in evaluations if each.status != "ok"}
    black, white = (
        tuple(curve for curve in curves if curve.task not in failed)
        for curves in ledger.paired_curves(run, stage, method)
    )
    return Answered(black, white, failed) if evaluations else None


def _lineage(proposal: ProposalRecord, proposals: Mapping[int, ProposalRecord]) -> tuple[int, ...]:
    """Return the iterations from the first ancestor to a method, through the first parent that the run knows."""
    first_seen: dict[str, int] = {}
    for iteration in sorted(proposals):
        first_seen.setdefault(proposals[iteration].method, iteration)
    line = [proposal.iteration]
    while True:
        earlier = [first_seen[each] for each in proposals[line[-1]].parents if first_seen.get(each, 10**9) < line[-1]]
        if not earlier:
            return tuple(line[::-1])
        line.append(earlier[0])


def _task_curves(stage: Stage, black: Sequence[Curve], white: Sequence[Curve]) -> list[TaskCurves]:
    tasks: dict[str, tuple[list[Curve], list[Curve]]] = defaultdict(lambda: ([], []))
    for curve in black:
        tasks[curve.task][0].append(curve)
    for curve in white:
        tasks[curve.task][1].append(curve)
    found = []
    for task, (blacks, whites) in sorted(tasks.items()):
        shares = common_shares(shares_of(curve)[0] for curve in (*blacks, *whites))
        found.append(
            TaskCurves(
                task=task,
                stage=stage,
                questions=len({curve.question_hash for curve in whites}),
                seeds=len({curve.seed for curve in whites}),
                budgets=tuple(shares.tolist()),
                black=_band(blacks, shares, blacks),
                white=_band(whites, shares, blacks),
                believed=believed(whites),
            )
        )
    return found


def _band(curves: Sequence[Curve], at: Float[np.ndarray, " shares"], baseline: Sequence[Curve]) -> Band:
    skills = {
        (curve.question_hash, curve.seed): at_shares(at, shares_of(curve), np.maximum(curve.skill, SKILL_FLOOR))
        for curve in curves
    }
    seeds = sorted({seed for _, seed in skills})
    by_seed = np.array([np.mean([skill for (_, s), skill in skills.items() if s == seed], axis=0) for seed in seeds])
    shares = [max(curve.stop_flops / curve.brute_flops, 1e-9) for curve in curves]
    return Band(
        mean=tuple(np.mean(list(skills.values()), axis=0).tolist()),
        low=tuple(by_seed.min(0).tolist()),
        high=tuple(by_seed.max(0).tolist()),
        stop_share=float(np.exp(np.mean(np.log(shares)))),
        stop_skill=float(np.mean([max(curve.stop_skill, SKILL_FLOOR) for curve in curves])),
        intervals=intervals(curves, baseline),
    )
