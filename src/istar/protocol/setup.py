"""Conducting a search in a run's folder: everything that must be loaded, checked and opened before the algorithm."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from istar.arms.jobs import Elsewhere, JobMap, Workplace
from istar.arms.sandboxed import SandboxArms
from istar.arms.settings import ArmSettings
from istar.arms.task_questions import TaskQuestions, task_questions
from istar.executors import ExecutorError, make_executor
from istar.executors.prequential import states_beliefs
from istar.flops.rulebook import RULEBOOK
from istar.ledger import Ledger, RoundRecord, RunConfig, TaskRecord
from istar.ledger.schema import Stage
from istar.protocol.book import Book
from istar.protocol.checking import JailedCheck
from istar.protocol.config import SearchConfig, StageSize, parse_config
from istar.protocol.fresh import FreshQuestions, ask_fresh, build_fresh, plan_fresh, stated_seed
from istar.protocol.plateau import check_reachable
from istar.protocol.provenance import machine, versions
from istar.protocol.run_folder import RunFolder
from istar.protocol.search import Search, SearchOutcome
from istar.protocol.stages import SPLIT_OF_STAGE, TasksError, check_tasks, named_tasks, shown_tasks
from istar.protocol.target_view import ReadOnlyTarget
from istar.protocol.workbench import Tools
from istar.researchers import RESEARCHERS, Proposal, Researcher
from istar.rewards.formulas import REWARDS
from istar.seeds import Seed
from istar.targets import Corpus, Target, build_corpus, load_target
from istar.tasks.family import barred, check_rewardable, tasks
from istar.truth import Asked, TaskSummary, asked_of, refuse_stale, task_summaries
from istar.truth.advice import build_command
from istar.truth.effects.records import LEAST_QUESTIONS

if TYPE_CHECKING:
    from istar.truth import Table


@dataclass(frozen=True)
class Setup:
    """What a search stands on.

    Attributes:
        config: the settings.
        target: the target.
        corpus: the generic text.
        summaries: every task of the stages in use, those that were dropped included and those that are barred from
            rewards left out.
        questions: the questions of the tasks that are asked, by task.
        arms: the two settings, their jails running.
    """

    config: SearchConfig
    target: Target
    corpus: Corpus
    summaries: tuple[TaskSummary, ...]
    questions: dict[str, TaskQuestions]
    arms: SandboxArms

    def __post_init__(self) -> None:
        """Check that no question is of a task that is barred from rewards."""
        for name in self.questions:
            check_rewardable(name)

    def tables(self, stage: Stage) -> dict[str, tuple[Table, ...]]:
        """Return the questions that a stage asks, by task."""
        size: StageSize = getattr(self.config, stage)
        named = tuple(name for name in named_tasks(self.config, stage) if name in self.questions) or tuple(
            each.name for each in self.summaries if each.status == "active" and each.split == SPLIT_OF_STAGE[stage]
        )
        if stage == "screen" and not size.tasks:
            named = (min(named, key=lambda name: self.questions[name].tables[0].brute_flops),)
        return {name: self.questions[name].first(size.questions) for name in named}

    def shown(self) -> dict[str, tuple[Table, ...]]:
        """Return all stored questions of the training tasks that a researcher is shown, by task."""
        return {name: self.questions[name].tables for name in self.questions if self.questions[name].split == "train"}

    def remarks(self, stage: Stage) -> tuple[str, ...]:
        """Return what somebody who reads the figures of a stage should know of the tasks it asks."""
        asked, wanted = self.tables(stage), getattr(self.config, stage).questions
        remarks = [
            f"{each.name} is dropped, and asked because it was named: {each.reason}"
            for each in self.summaries
            if each.status == "dropped" and each.name in asked
        ]
        counts = {name: len(tables) for name, tables in asked.items() if len(tables) < wanted}
        counts |= {name: 0 for name in named_tasks(self.config, stage) if name not in self.questions}
        if counts:
            there = ", ".join(f"{count} of {name}" for name, count in counts.items())
            remarks.append(
                f"{wanted} questions of each task are asked for, and there are tables of {there}; "
                f"`{_build_command(self.config, counts, wanted)}` builds the rest"
            )
        return tuple(remarks)


ArmsFactory = Callable[[ArmSettings, Target, Corpus, Iterable[TaskQuestions]], SandboxArms]
"""Makes arms on a target, given the generic text and every task that will be asked about."""


DrawFresh = Callable[[Setup, Mapping[str, int], int], FreshQuestions]
"""Draws so many fresh questions of each task from a seed, and builds their truth."""


@dataclass(frozen=True)
class Opening:
    """How another process opens a workplace of its own: names and settings alone, which travel (`istar.arms.jobs`).

    The tables, and what was recorded before, are found in istar's data folder there.

    Attributes:
        settings: the settings of the search, as JSON.
        tasks: the tasks that will be asked about.
        arms: makes the arms.
        fresh: the numbers of the fresh questions of each task that is asked some; their tables are there.
    """

    settings: str
    tasks: tuple[str, ...]
    arms: ArmsFactory
    fresh: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __call__(self) -> Workplace:
        """Load the target and the questions, and start one jail."""
        config = parse_config(self.settings, "the settings of the search")
        config = config.model_copy(update={"side_by_side": 1})
        target = load_target(config.target, config.dtype)
        asked = asked_of(target)
        questions = {name: task_questions(name, target, asked=asked) for name in self.tasks}
        arms = self.arms(config, target, _corpus(config, target), questions.values()).__enter__()
        fresh = ask_fresh(arms, target.id, questions, stated_seed(config.environment_seed), dict(self.fresh))
        tables = (*(each.tables for each in questions.values()), *fresh.values())
        return Workplace(arms, {table.question.hash: table for each in tables for table in each})


def _corpus(config: SearchConfig, target: Target) -> Corpus:
    return build_corpus(target, config.corpus_sequences, config.corpus_length, Seed.root(config.environment_seed))


@contextmanager
def set_up(
    config: SearchConfig,
    stages: Sequence[Stage],
    make_arms: ArmsFactory = SandboxArms,
    *,
    methods_run_here: bool = True,
) -> Iterator[Setup]:
    """Load what the stages need and start the jails.

    Args:
        config: the settings.
        stages: the stages of the cascade that will be asked.
        make_arms: makes the arms.
        methods_run_here: whether to start jails for methods; without, the arms are the baseline setting's alone.

    Raises:
        IstarError: something is missing; nothing long has been done then.
    """
    check_names(config)
    check_tasks(config, stages)
    make_executor(config.executor, config.executor_options).check_ready()
    target = load_target(config.target, config.dtype)
    asked = asked_of(target)
    summaries, names = _tasks_of(config, target, stages, asked)
    questions = {name: task_questions(name, target, asked=asked) for name in names}
    corpus = _corpus(config, target)
    settings = config if methods_run_here else config.model_copy(update={"side_by_side": 0})
    with make_arms(settings, target, corpus, questions.values()) as arms:
        yield Setup(config, target, corpus, summaries, questions, arms)


def _tasks_of(
    config: SearchConfig, target: Target, stages: Sequence[Stage], asked: Asked
) -> tuple[tuple[TaskSummary, ...], tuple[str, ...]]:
    """Return the status of every task of the stages' splits, and the names of those that are asked.

    Raises:
        TasksError: there is none of a split.
        StaleTruthError: a task that would be asked has tables of questions that are not asked any more.
    """
    splits = {SPLIT_OF_STAGE[stage] for stage in stages}
    every = _summaries(config, target, stages, asked)
    by_name = {each.name: each for each in every}
    names: dict[str, None] = {}
    for stage in stages:
        split = SPLIT_OF_STAGE[stage]
        chosen: Iterable[str] = named_tasks(config, stage) or [
            each.name for each in every if each.status == "active" and each.split == split
        ]
        given = (*getattr(config, stage).tasks, *config.train.tasks)
        there = [name for name in chosen if by_name[name].questions or name in given]
        if not there:
            wanted = getattr(config, stage).tasks or (split,)
            raise TasksError(
                f"no task of the {split} split that is asked for has sound tables on {target.name}; build them with "
                f"`{_build_command(config, wanted)}`; `istar tasks {' '.join(wanted)} --target "
                f"{shlex.quote(config.target)}` says why others were dropped"
            )
        names |= dict.fromkeys(there)
    if "train" in stages:
        names |= dict.fromkeys(name for name in shown_tasks(config) if by_name[name].status == "active")
    few = {name: by_name[name].questions for name in names if by_name[name].questions <= LEAST_QUESTIONS}
    if few:
        counts = ", ".join(f"{count} of {name}" for name, count in few.items())
        raise TasksError(
            f"the executor learns from {LEAST_QUESTIONS} other questions of a task, and on {target.name} there "
            f"are tables of {counts}; build more with `{_build_command(config, few, LEAST_QUESTIONS + 1)}`"
        )
    shown = (each for each in every if each.status != "use only" and (each.split in splits or each.name in names))
    return tuple(shown), tuple(names)


def _build_command(config: SearchConfig, names: Iterable[str], questions: int | None = None) -> str:
    """Return the command that builds tables of tasks, families or splits for these settings."""
    return build_command(tuple(names), config.target, questions=questions, dtype=config.dtype)


def _summaries(config: SearchConfig, target: Target, stages: Sequence[Stage], asked: Asked) -> tuple[TaskSummary, ...]:
    """Return the status of every task; whether tables are stale is made sure of where a task may be asked.

    Raises:
        StaleTruthError: a task of a split of which all sound ones are asked has stale tables.
    """
    whole = {SPLIT_OF_STAGE[stage] for stage in stages if not named_tasks(config, stage)}
    named = {name for stage in stages for name in named_tasks(config, stage)} | set(shown_tasks(config))
    every = [each for each in tasks() if not barred(each.family)]
    sure = [each for each in every if each.split in whole or each.name in named]
    others = [each for each in every if each not in sure]
    found = {each.name: each for each in task_summaries(target, sure, asked=asked)}
    refuse_stale([each for each in found.values() if each.split in whole])
    found |= {each.name: each for each in task_summaries(target, others, asked=asked, thorough=False)}
    return tuple(found[each.name] for each in every)


def conduct(
    folder: RunFolder,
    config: SearchConfig,
    *,
    make_arms: ArmsFactory = SandboxArms,
    map_jobs: JobMap | None = None,
    on_start: Callable[[Setup], None] | None = None,
    on_round: Callable[[RoundRecord, Proposal], None] | None = None,
    draw_fresh: DrawFresh | None = None,
) -> SearchOutcome:
    """Search in a folder, from the beginning or from where the search there was killed.

    Args:
        folder: the run's folder.
        config: the settings.
        make_arms: makes the arms, in each process that does jobs.
        map_jobs: maps a function over jobs where methods are to run: that of a pool of processes, a cluster's, Ray's.
            In this process, one thread a method, if there is none.
        on_start: called when everything is loaded.
        on_round: called after every iteration.
        draw_fresh: draws fresh questions and builds their truth, for a search that ends once it has stopped improving.

    Raises:
        IstarError: something is missing or the settings contradict the folder's.
    """
    check_names(config)
    check_reachable(config)
    researcher = make_researcher(config)
    if not folder.exists:
        researcher.check_ready()
    folder.begin(config)
    stages: tuple[Stage, ...] = ("screen", "train", "validation")
    with (
        folder.alone(),
        folder.removed_if_unused(),
        set_up(config, stages, make_arms, methods_run_here=map_jobs is None) as setup,
        folder.ledger() as ledger,
        JailedCheck(config) as check,
    ):
        open_run(ledger, folder.name, setup)
        if on_start is not None:
            on_start(setup)
        T: dict[Stage, dict[str, tuple[Table, ...]]] = {stage: setup.tables(stage) for stage in stages}
        if config.until_plateau:
            counts = dict.fromkeys(T["train"], config.plateau.questions)
            fresh = (draw_fresh or _drawn)(setup, counts, stated_seed(config.environment_seed))
            T["fresh"] = dict(fresh.tables)

        def after(outcome: RoundRecord, proposal: Proposal) -> None:
            if outcome.improved:
                folder.write_best(proposal.source)
            if on_round is not None:
                on_round(outcome, proposal)

        outcome = Search(
            config,
            M1=researcher,
            R=REWARDS.get(config.reward),
            T=T,
            arms=setup.arms,
            book=Book(ledger, folder.name),
            on_round=after,
            tools=Tools(ReadOnlyTarget(setup.target), check, setup.shown(), folder.path),
            work=None
            if map_jobs is None
            else Elsewhere(Opening(config.model_dump_json(), tuple(setup.questions), make_arms, _numbers(T))),
            map_jobs=map_jobs or map,
        ).run()
        ledger.finish_run(folder.name)
        return outcome


def _drawn(setup: Setup, counts: Mapping[str, int], seed: int) -> FreshQuestions:
    return build_fresh(setup, plan_fresh(setup, counts, seed))


def _numbers(T: Mapping[Stage, Mapping[str, Sequence[Table]]]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the numbers of the fresh questions of each task."""
    fresh = T.get("fresh", {})
    return tuple((name, tuple(table.question.index for table in tables)) for name, tables in fresh.items())


def check_names(config: SearchConfig) -> None:
    """Check that there is a researcher, an executor and a reward of the names stated, and that these fit together.

    Raises:
        UnknownNameError: there is none.
        ExecutorError: the executor does not take the options stated, or states no beliefs, which the reward is about.
    """
    RESEARCHERS.get(config.researcher)
    executor = make_executor(config.executor, config.executor_options)
    if REWARDS.get(config.reward).needs_beliefs and not states_beliefs(executor):
        raise ExecutorError(
            f"the reward {config.reward!r} is about what the executor believes of rows, and {config.executor!r} does "
            "not say; take `statistician`, or register a coder for yours (docs/description_length.md)"
        )


def make_researcher(config: SearchConfig) -> Researcher:
    """Return the researcher of a search.

    Raises:
        TasksError: it does not take the options stated.
    """
    kind = RESEARCHERS.get(config.researcher)
    try:
        return kind(**config.researcher_options)
    except TypeError as error:
        raise TasksError(f"the researcher {config.researcher!r} does not take these options: {error}") from error


def open_run(ledger: Ledger, name: str, setup: Setup) -> None:
    """Open the run in the ledger and note its tasks."""
    config = setup.config
    stored = RunConfig(
        target=setup.target.id,
        target_name=setup.target.name,
        rulebook=RULEBOOK.version,
        researcher=config.researcher,
        executor=config.executor,
        reward=config.reward,
        seed=config.seed,
        options=config.model_dump(mode="json"),
    )
    ledger.open_run(name, stored, versions=versions(), machine=machine(setup.arms.tier))
    ledger.add_tasks(name, [_record(each) for each in setup.summaries])


def _record(summary: TaskSummary) -> TaskRecord:
    return TaskRecord(
        task=summary.name,
        family=summary.family,
        split=check_rewardable(summary.name),
        status=summary.status,
        reason=summary.reason,
        questions=summary.questions,
        rows=summary.runs,
        brute_flops=summary.brute_flops,
        dearest_run_flops=summary.dearest_run_flops,
        reliability=summary.reliability,
    )
