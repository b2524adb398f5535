"""An environment: what all of its episodes stand on, opened once: target, training questions, jails and ledger.

No question of the test is loaded, and none of validation unless the reward is made of them; then the shared guard has
them alone, and no call of an episode can reach one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from istar.arms.jobs import Workplace
from istar.environments.budget import Budget, EpisodeError
from istar.environments.episode import Episode
from istar.environments.statement import statement
from istar.environments.validating import GUARDS_RUN, SharedGuard
from istar.flops.rulebook import RULEBOOK
from istar.ledger import DuplicateRecordError, Ledger, RunConfig
from istar.protocol.book import Book
from istar.protocol.checking import JailedCheck
from istar.protocol.config import SearchConfig, StageSize, WorkbenchSettings, checked_config
from istar.protocol.evaluator import Evaluator
from istar.protocol.provenance import changed_plugins, machine, versions
from istar.protocol.run_folder import RunFolder, checked_name
from istar.protocol.setup import check_names, set_up
from istar.protocol.stages import check_tasks, named_tasks
from istar.protocol.target_view import ReadOnlyTarget
from istar.protocol.workbench import SearchWorkbench, Tools
from istar.rewards.formulas import REWARDS
from istar.seeds import Seed
from istar.tasks.family import check_rewardable

if TYPE_CHECKING:
    from istar.arms.base import Arms
    from istar.ledger.schema import Stage
    from istar.researchers import Check
    from istar.truth.table import Table

RESEARCHER = "episode"
"""What stands for the researcher's name in the run of an episode."""
UNBOUNDED = 10**6
"""The workbench's bound on questions: those of an episode are bounded by FLOPs and seconds."""


class Environment:
    """Makes episodes; `open_environment` makes one from settings. A context manager: what runs ends with it.

    Args:
        config: the settings; `train` says what the reward asks where a reset does not.
        arms: the two settings.
        tools: the target to be read, the check, and all training questions that are shown, by task.
        ledger: where every episode is a run.
        tier: the tier of isolation that methods run under.
        validation: validation questions by task, if the reward is what the shared guard says of them; the training
            reward if there are none.

    Attributes:
        config: see above.
        ledger: see above.
        formula: the reward formula.
        tasks: the training questions by task.
        training: the same by hash.
        guard: judges what is submitted on validation questions; None if there are none.

    Raises:
        EpisodeError: a question is of a task that is not of training, or not of validation; or the guard was begun
            with others.
    """

    def __init__(
        self,
        config: SearchConfig,
        arms: Arms,
        tools: Tools,
        ledger: Ledger,
        tier: str = "none",
        validation: Mapping[str, tuple[Table, ...]] | None = None,
    ) -> None:
        """See the class docstring."""
        for task in tools.tasks:
            if check_rewardable(task) != "train":
                raise EpisodeError(f"{task} is no training task, and an episode is made of no other")
        for task in validation or ():
            if check_rewardable(task) != "validation":
                raise EpisodeError(f"{task} is no validation task, and the guard judges methods on no other")
        self.config, self.ledger = config, ledger
        self.formula = REWARDS.get(config.reward)
        self.tasks: Mapping[str, Sequence[Table]] = tools.tasks
        self.training = {table.question.hash: table for tables in tools.tasks.values() for table in tables}
        self._arms, self._tools, self._tier = arms, tools, tier
        self._work = Workplace(arms, self.training)
        # its threads stay: a jail ends with the thread that started it
        self._pool = ThreadPoolExecutor(config.side_by_side, thread_name_prefix="episode")
        self._open: dict[str, Episode] = {}
        self.guard = None if validation is None else self._shared_guard(validation)
        self._names = {run.name for run in ledger.runs()}
        self._lock = Lock()

    def __enter__(self) -> Self:
        """Return the environment itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what runs; every episode can be gone on with."""
        self._arms.stop()
        for episode in tuple(self._open.values()):
            episode.close()
        self._pool.shutdown()

    def reset(
        self,
        questions: StageSize | None = None,
        budget: Budget | None = None,
        seed: int = 0,
        name: str | None = None,
    ) -> Episode:
        """Begin an episode, or go on with the one of this name.

        Args:
            questions: how many questions of which training tasks the reward asks, drawn by the seed from those that are
                stored; the settings' by default.
            budget: what its tools may spend.
            seed: draws the questions.
            name: the run's name; a new one by default.

        Raises:
            EpisodeError: it was begun otherwise, or is open; or a task is not one of this environment.
            TasksError: a task is none of training.
            RunFolderError: no run can have this name.
        """
        questions, budget = questions or self.config.train, budget or Budget()
        config = self._configured(questions, budget, seed)
        rewarded = self._drawn(config)
        with self._lock:
            name = self._new_name() if name is None else checked_name(name)
            if self.guard is not None and name == GUARDS_RUN:
                raise EpisodeError(f"the run {name!r} is that of the guard; give the episode another name")
            if name in self._open:
                raise EpisodeError(f"the episode {name!r} is open already; close it first, or begin another")
            asked = {"budget": budget.model_dump(), "rewarded": _hashes(rewarded)}
            advice = "reset to it with the questions, budget, seed and kind of reward that it was begun with"
            self._open_run(name, config, {**asked, "validated": self.guard is not None}, advice)
            book = Book(self.ledger, name)
            evaluator = Evaluator(book, self._arms, self._work, map)
            workbench = SearchWorkbench(config, self.formula, evaluator, self._tools, rewarded)
            told = statement(
                self.tasks, rewarded, budget, self.formula, self._tools.target.name, validated=self.guard is not None
            )
            self._names.add(name)
            self._open[name] = Episode(self, name, rewarded, budget, evaluator, workbench, told)
            return self._open[name]

    def _configured(self, questions: StageSize, budget: Budget, seed: int) -> SearchConfig:
        """Return the settings of an episode."""
        bounds = WorkbenchSettings(checks=UNBOUNDED, questions=UNBOUNDED)
        changed = {"train": questions.model_dump(), "seed": seed, "workbench": bounds.model_dump()}
        return checked_config(self.config.model_dump() | changed, "the episode")

    def _drawn(self, config: SearchConfig) -> dict[str, tuple[Table, ...]]:
        """Return the questions that the reward asks, by task, the cheapest task first."""
        names = named_tasks(config, "train") or tuple(self.tasks)
        missing = [each for each in names if each not in self.tasks]
        if missing:
            raise EpisodeError(
                f"this environment was opened without {', '.join(missing)}; it has {', '.join(self.tasks)}; name them "
                "in the settings (`train`: `tasks`, or `workbench`: `tasks`) to open one with them"
            )
        drawn = {}
        for task in names:
            tables = self.tasks[task]
            order = Seed.root(config.seed).split("episode", task).generator().permutation(len(tables))
            drawn[task] = tuple(tables[index] for index in sorted(order[: config.train.questions]))
        return dict(sorted(drawn.items(), key=lambda each: sum(x.brute_flops for x in each[1]) / len(each[1])))

    def _new_name(self) -> str:
        return next(name for number in count(len(self._names) + 1) if (name := f"episode-{number}") not in self._names)

    def _shared_guard(self, validation: Mapping[str, tuple[Table, ...]]) -> SharedGuard:
        """Return the guard of all episodes, in its own run."""
        if sum(map(len, validation.values())) < 2:
            raise EpisodeError(
                "a guard compares methods on at least 2 validation questions; set `validation`: `questions` or `tasks`"
            )
        advice = "open another folder, or this one with the settings and validation questions that it was opened with"
        self._open_run(GUARDS_RUN, self.config, {"validation": _hashes(validation)}, advice)
        work = Workplace(self._arms, {x.question.hash: x for t in validation.values() for x in t})
        evaluator = Evaluator(Book(self.ledger, GUARDS_RUN), self._arms, work, map)
        return SharedGuard(evaluator, self.formula, validation, self.config)

    def _open_run(self, name: str, config: SearchConfig, asked: Mapping[str, Any], advice: str) -> None:
        """Open a run, or find it with the same settings."""
        stored = RunConfig(
            target=self._tools.target.id,
            target_name=self._tools.target.name,
            rulebook=RULEBOOK.version,
            researcher=RESEARCHER,
            executor=config.executor,
            reward=config.reward,
            seed=config.seed,
            options={**config.model_dump(mode="json"), **asked},
        )
        try:
            run = self.ledger.open_run(name, stored, versions=versions(), machine=machine(self._tier))
        except DuplicateRecordError as error:
            raise EpisodeError(
                f"the run {name!r} was begun otherwise, or is of another kind: {error}; {advice}"
            ) from error
        if changed := changed_plugins(run.versions):
            raise EpisodeError(
                f"the run {name!r} was begun with other plug-ins (differing: {', '.join(changed)}); put them back, "
                "or begin another"
            )

    # What episodes use

    def begin(self, job: Callable[[], None]) -> Future[None]:
        """Do a job beside those of other episodes, as soon as a thread is free."""
        return self._pool.submit(job)

    def forget(self, episode: Episode) -> None:
        """Take note that an episode was closed."""
        self._open.pop(episode.name, None)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return self._tools.target.decode(tokens)


def _hashes(tasks: Mapping[str, Sequence[Table]]) -> dict[str, list[str]]:
    return {task: [table.question.hash for table in tables] for task, tables in tasks.items()}


@contextmanager
def open_environment(folder: Path, config: SearchConfig, *, validated: bool = False) -> Iterator[Environment]:
    """Open an environment in a folder, where its ledger is.

    Args:
        folder: made if it is not there; of one process at a time.
        config: the settings: target, training tasks (`train`, and `workbench`: `tasks` for further ones), executor,
            reward formula, how many jobs run side by side.
        validated: whether rewards are what one guard, shared by all episodes of the folder, says of the validation
            questions (`validation`); the training reward otherwise.

    Raises:
        IstarError: something is missing, or the folder is another environment's; nothing long has been done then.
    """
    run = RunFolder(folder)
    stages: tuple[Stage, ...] = ("train", "validation") if validated else ("train",)
    check_names(config)
    check_tasks(config, stages)
    run.begin(config)
    with (
        run.alone(),
        run.removed_if_unused(),
        set_up(config, stages) as setup,
        run.ledger() as ledger,
        JailedCheck(config) as check,
    ):
        tools = Tools(ReadOnlyTarget(setup.target), _one_at_a_time(check), setup.shown())
        held_out = setup.tables("validation") if validated else None
        with Environment(config, setup.arms, tools, ledger, setup.arms.tier, held_out) as environment:
            yield environment


def _one_at_a_time(check: JailedCheck) -> Callable[[str, str], Check]:
    """Return a check that several episodes may ask for at once: they share its jail."""
    lock = Lock()

    def checked(source: str, name: str) -> Check:
        with lock:
            return check(source, name)

    return checked
