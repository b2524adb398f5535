"""Several runs side by side: what each found, and what its controls say about it.

A search is believed as far as its controls bear it out: other researchers and other seeds, the same search by rewards
that say nothing, the best method of validation without the guard, human-made methods on the same sealed test, and other
reward formulas. All of it is read from the runs' ledgers; nothing is run again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from markupsafe import Markup

from istar.errors import IstarError
from istar.files import write_whole
from istar.ledger import BASELINE, EvaluationRecord, RunRecord, Tried, tried
from istar.ledger.reader import LedgerReader
from istar.ledger.schema import Stage
from istar.methods.library import library_methods
from istar.methods.loading import source_hash
from istar.protocol.plateau import Plateau
from istar.reports import figures, words
from istar.reports.findings import memorisation_of
from istar.reports.pages import templates
from istar.reports.plateau import HeldLevel, RunPlateau, held_level, plateau_of
from istar.reports.rankings import Ranking, Trained, rank_by_formulas, rank_by_rulebooks
from istar.reports.report import HEADLINE_LEVEL, KINDS
from istar.rewards import LEVELS, REWARDS, Curve, Summary, compare
from istar.seeds import Seed

STAGES: tuple[Stage, ...] = ("train", "validation", "test")


class ComparisonError(IstarError):
    """Runs that cannot be compared."""


@dataclass(frozen=True)
class Reward:
    """A reward with its standard error, None where it has none."""

    reward: float
    standard_error: float | None


@dataclass(frozen=True)
class Judged:
    """A method of a run with its rewards under the run's formula, as no guard rounds and no control shuffles them.

    Attributes:
        name: its name.
        method: hash of its source.
        rewards: by stage, for those it was asked in full.
    """

    name: str
    method: str
    rewards: Mapping[Stage, Reward]


@dataclass(frozen=True)
class Contender:
    """One run.

    Attributes:
        run: its name.
        researcher: who proposed.
        seed: the root of its randomness.
        shuffled: whether its rewards said nothing about methods.
        finished: whether the search has ended.
        methods: how many were tried.
        tried: what was tried on training questions besides them.
        queries: how often validation was consulted.
        progress: the best training reward so far after every round, None before the first.
        leader: the method with the greatest training reward, the first of equals; None if none was trained in full.
        best: I*, chosen through the guard; None if no method was validated.
        unguarded: the method with the greatest validation reward, which a choice without the guard would have taken.
        plateau: what is known of whether it has stopped improving.
    """

    run: str
    researcher: str
    seed: int
    shuffled: bool
    finished: bool
    methods: int
    tried: Tried
    queries: int
    progress: tuple[float | None, ...]
    leader: Judged | None
    best: Judged | None
    unguarded: Judged | None
    plateau: Plateau | None

    @property
    def kind(self) -> str:
        """The researcher, and whether the run is a control."""
        return f"{self.researcher}, shuffled" if self.shuffled else self.researcher


@dataclass(frozen=True)
class Tested:
    """A method on the sealed test of the first run.

    Attributes:
        name: its name.
        method: hash of its source.
        questions: on how many questions it was judged.
        rewards: by formula.
        summary: multipliers and skill gains.
        memorised: whether it is marked as knowing shipped answers; None where that is not known.
    """

    name: str
    method: str
    questions: int
    rewards: Mapping[str, float]
    summary: Summary
    memorised: bool | None = None

    @property
    def families_above(self) -> int:
        """In how many families the whole interval at the headline level lies above 1."""
        return sum(family.multipliers[HEADLINE_LEVEL].low > 1 for family in self.summary.families)


@dataclass(frozen=True)
class RunComparison:
    """Several runs side by side.

    Attributes:
        contenders: the runs, in the order they were named in.
        tested: every method that was asked all of the first run's sealed test, I* first, then by reward.
        formulas: how formulas rank the methods.
        rulebooks: how the first run's formula ranks them at the prices of other rulebooks.
        reward: the first run's formula.
        held: for how long the best level on fresh questions has held, controls apart; None if no run asked any.
    """

    contenders: tuple[Contender, ...]
    tested: tuple[Tested, ...]
    formulas: tuple[Ranking, ...]
    rulebooks: tuple[Ranking, ...]
    reward: str
    held: HeldLevel | None

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values, multipliers at every level."""
        return {
            "reward": self.reward,
            "held": None if self.held is None else asdict(self.held),
            "runs": [asdict(each) for each in self.contenders],
            "test": [
                {
                    "name": each.name,
                    "method": each.method,
                    "questions": each.questions,
                    "memorised": each.memorised,
                    "rewards": dict(each.rewards),
                    "families_above_1": each.families_above,
                    "families": len(each.summary.families),
                    "multipliers": {
                        name: {str(level): asdict(row.multipliers[level]) for level in LEVELS}
                        for name, row in [
                            ("overall", each.summary.overall),
                            *((family.name, family) for family in each.summary.families),
                        ]
                    },
                }
                for each in self.tested
            ],
            "formulas": [asdict(each) for each in self.formulas],
            "rulebooks": [asdict(each) for each in self.rulebooks],
        }


def compare_runs(runs: Sequence[tuple[LedgerReader, str]]) -> RunComparison:
    """Return several runs side by side.

    Args:
        runs: open ledgers with the run to read from each; the first is the one that the others are controls of.

    Raises:
        ComparisonError: there are no runs, or they had another target or another formula than the first.
        MissingRecordError: a ledger does not hold its run.
    """
    if not runs:
        raise ComparisonError("there is nothing to compare; name the runs, the main one first")
    records = [ledger.run(run) for ledger, run in runs]
    for record in records[1:]:
        for what in ("target", "reward"):
            mine, other = getattr(records[0].config, what), getattr(record.config, what)
            if mine != other:
                raise ComparisonError(
                    f"the runs {records[0].name!r} and {record.name!r} have different settings of `{what}` ({mine!r} "
                    f"and {other!r}), so their rewards cannot be compared"
                )
    names = {source_hash(path.read_text()): name for name, path in library_methods().items()}
    for ledger, run in runs:
        names.update({each.method: each.name for each in ledger.proposals(run)})
    read = [_Run(ledger, record, names) for (ledger, _), record in zip(runs, records, strict=True)]
    # a method that several runs trained is ranked by what the last of them measured
    trained = {each.method: each for run in read for each in run.all_trained()}.values()
    contenders = tuple(each.contender() for each in read)
    return RunComparison(
        contenders=contenders,
        tested=read[0].tested(),
        formulas=rank_by_formulas(trained, records[0].config.reward),
        rulebooks=rank_by_rulebooks(trained, records[0].config.reward, records[0].config.rulebook),
        reward=records[0].config.reward,
        held=held_level(
            [
                RunPlateau(each.run, run.record.opened_at, each.plateau, run.rounds)
                for each, run in zip(contenders, read, strict=True)
                if each.plateau is not None and not each.shuffled
            ]
        ),
    )


class _Run:
    """One run as it is read."""

    def __init__(self, ledger: LedgerReader, record: RunRecord, names: Mapping[str, str]) -> None:
        self.ledger = ledger
        self.record = record
        self.names = names
        self.formula = REWARDS.get(record.config.reward)
        self.rounds = ledger.rounds(record.name)
        self._baseline = ledger.curves(record.name, stage="baseline", method=BASELINE)
        self._curves: dict[tuple[Stage, str], tuple[Sequence[Curve], Sequence[Curve]]] = {}
        # a method that was stopped in training was not asked everything: its curves are of the cheapest tasks
        self.trained = {
            each.method: self.curves("train", each.method)
            for each in self.rounds
            if each.status == "ok" or (each.status == "error" and each.stage == "validation")
        }

    def curves(self, stage: Stage, method: str) -> tuple[Sequence[Curve], Sequence[Curve]]:
        if (stage, method) not in self._curves:  # a leader may be the best, and any of them be tested, too
            self._curves[stage, method] = self.ledger.paired_curves(self.record.name, stage, method, self._baseline)
        return self._curves[stage, method]

    def contender(self) -> Contender:
        rewards = {method: self.formula.reward(*curves) for method, curves in self.trained.items() if curves[1]}
        openings = self.ledger.openings(self.record.name, "validation")
        validated = {each.method: self._reward("validation", each.method) for each in openings}
        known = {method: reward.reward for method, reward in validated.items() if reward is not None}
        improved = [each.method for each in self.rounds if each.improved]
        return Contender(
            run=self.record.name,
            researcher=self.record.config.researcher,
            seed=self.record.config.seed,
            shuffled=bool(self.record.config.options.get("shuffled")),
            finished=self.record.status == "finished",
            methods=len(self.rounds),
            tried=tried(self.ledger.uses(self.record.name)),
            queries=len(openings),
            progress=tuple(accumulate((rewards.get(each.method) for each in self.rounds), _greater)),
            leader=self._judged(max(rewards, key=lambda method: rewards[method])) if rewards else None,
            best=self._judged(improved[-1]) if improved else None,
            unguarded=self._judged(max(known, key=lambda method: known[method])) if known else None,
            plateau=plateau_of(self.ledger, self.record),
        )

    def all_trained(self) -> list[Trained]:
        run = self.record.name
        return [
            Trained(method, self.name_of(method), self.ledger, run, *curves)
            for method, curves in self.trained.items()
            if curves[1]
        ]

    def tested(self) -> tuple[Tested, ...]:
        name = self.record.name
        found = []
        for method in _asked_in_full(self.ledger.evaluations(name, stage="test")):
            black, white = self.curves("test", method)
            if white:
                summary = compare(black, white, seed=Seed.root(self.record.config.seed).split("compare", method))
                known = [formula for formula in REWARDS if not REWARDS.get(formula).lacking(black, white)]
                rewards = {formula: REWARDS.get(formula).reward(black, white) for formula in known}
                questions = len({curve.question_hash for curve in white})
                both = memorisation_of(self.ledger, self.record, method)
                memorised = None if both is None else both.memorised
                found.append(Tested(self.name_of(method), method, questions, rewards, summary, memorised))
        best = [each.method for each in self.rounds if each.improved][-1:]
        mine = self.record.config.reward
        return tuple(sorted(found, key=lambda each: (each.method not in best, -each.rewards[mine], each.name)))

    def _judged(self, method: str) -> Judged:
        rewards = {stage: self._reward(stage, method) for stage in STAGES}
        return Judged(
            self.name_of(method), method, {stage: each for stage, each in rewards.items() if each is not None}
        )

    def _reward(self, stage: Stage, method: str) -> Reward | None:
        black, white = self.curves(stage, method)
        if not white:
            return None
        score = self.formula.score(black, white)
        return Reward(score.reward, score.standard_error)

    def name_of(self, method: str) -> str:
        return self.names.get(method, method[:12])


def _asked_in_full(evaluations: Sequence[EvaluationRecord]) -> list[str]:
    """Return the methods that were asked every question, but for those behind one of the same task that they failed."""
    passed: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for each in evaluations:
        passed[each.method][each.task].append(each.status == "ok")
    whole = {task: max(len(tasks[task]) for tasks in passed.values()) for task in {each.task for each in evaluations}}
    return [
        method
        for method, tasks in passed.items()
        if all(len(tasks[task]) == count or not all(tasks[task]) for task, count in whole.items())
    ]


def _greater(one: float | None, other: float | None) -> float | None:
    known = [each for each in (one, other) if each is not None]
    return max(known, default=None)


def by_kind(contenders: Sequence[Contender]) -> dict[str, list[Contender]]:
    """Return runs by researcher, controls apart, in the order in which the kinds were first named."""
    found: dict[str, list[Contender]] = defaultdict(list)
    for each in contenders:
        found[each.kind].append(each)
    return dict(found)


def write_comparison(comparison: RunComparison, path: Path) -> Path:
    """Write the comparison as one self-contained HTML page and return its path; folders are made."""
    write_whole(path, render_comparison(comparison).encode())
    return path


def render_comparison(comparison: RunComparison) -> str:
    """Return the page as text."""
    from plotly.offline import get_plotlyjs

    kinds = by_kind(comparison.contenders)
    return (
        templates()
        .get_template("comparison.html.j2")
        .render(
            comparison=comparison,
            kinds=kinds,
            stages=STAGES,
            split_names=figures.SPLIT_NAMES,
            verdict=_verdict(comparison),
            progress=figures.progress(
                {kind: [each.progress for each in contenders] for kind, contenders in kinds.items()}, comparison.reward
            ),
            plotly_js=Markup(get_plotlyjs()),
        )
    )


def _verdict(comparison: RunComparison) -> str:
    """Return what the sealed test says of I*, in a sentence."""
    if not comparison.tested:
        return ""
    overall = comparison.tested[0].summary.overall
    return words.verdict(overall.multipliers[HEADLINE_LEVEL], HEADLINE_LEVEL, KINDS["test"])
