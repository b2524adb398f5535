"""The search: the document's algorithm, line by line.

Names are the document's: M1 the researcher, M2 the executor (inside the arms), I a method, I_M its interpretation of
the target, T the tasks, R the task's reward, theta what M1 has learned. Five things are added, each so that it can
be run for long on questions that are dear:

- what is done is written to the ledger (`book`) and found there again, so that nothing is ever done twice;
- a cascade (`screen`, `train`, `validation`) spends little on methods that are hopeless, and training itself ends early
  for a method that is clearly behind the best so far (`pruning`);
- theta is updated with the training reward, and I* is chosen by validation through the guard, so that hold-out tasks
  stay held out; where a method has exactly I*'s validation rewards, the one with the greater training reward is I*;
- where that is asked for, the search ends once it has stopped improving, by fresh questions (`plateau`);
- some methods may be proposed together and evaluated side by side, and what is asked of them is mapped over jobs, which
  may be done elsewhere (`istar.arms.jobs`).
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from istar.arms.base import Arms
from istar.arms.jobs import JobMap, Work, Workplace
from istar.ledger import RoundRecord, Tried, tried
from istar.ledger.schema import Stage
from istar.methods.contract import MethodError
from istar.methods.fence import FenceError, check_source
from istar.protocol.book import Book
from istar.protocol.config import SearchConfig
from istar.protocol.evaluator import Evaluator
from istar.protocol.guard import Ladder
from istar.protocol.plateau import Plateau, Scored, Watch
from istar.protocol.pruning import clearly_worse, extrapolate
from istar.protocol.shuffled_control import coins, exchange_arms
from istar.protocol.telling import by_question
from istar.protocol.uses import Phase
from istar.protocol.workbench import SearchWorkbench, Tools
from istar.researchers import Feedback, NothingNewError, Proposal, Researcher
from istar.rewards.curves import Curve
from istar.rewards.formulas import Reward, Score
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.truth.table import Table

Tasks: TypeAlias = "Mapping[str, Sequence[Table]]"
"""Questions by task."""


@dataclass(frozen=True)
class StageResult:
    """A method's rewards at one stage of the cascade.

    Attributes:
        average: the mean of R_t over the stage's tasks.
        standard_error: of that mean; None with a single question.
        by_question: the reward on each question alone, by its hash.
        by_task: the reward of each task.
        cost: what recording the method took, as a share of brute force; the mean over questions.
        stopped: why the method was asked no further, empty if it was asked everything; `average` is extrapolated then.
    """

    average: float
    standard_error: float | None
    by_question: Mapping[str, float]
    by_task: Mapping[str, float]
    cost: float
    stopped: str = ""

    @property
    def scored(self) -> Scored:
        """The rewards that tell whether the search has stopped improving."""
        return Scored(self.average, self.standard_error, len(self.by_question), self.by_question)

    @property
    def by_family(self) -> dict[str, float]:
        """The mean of R_t over the tasks of each family."""
        families: dict[str, list[float]] = defaultdict(list)
        for task, reward in self.by_task.items():
            families[task.partition("/")[0]].append(reward)
        return {family: sum(rewards) / len(rewards) for family, rewards in families.items()}


@dataclass(frozen=True)
class Trial:
    """How far one method came.

    Attributes:
        stage: the last stage it reached.
        status: `ok`, `rejected` by the fence, `pruned` in the screen or in training, or `error`.
        reason: the message that goes with it, empty when ok.
        reward: the reward M1 is told, None of a method that failed.
        standard_error: of that reward.
        trained: its rewards in training; None if it was not asked all of that.
        validation: its rewards on the validation questions by hash; None if it was not validated.
        seconds: wall-clock time.
    """

    stage: Stage
    status: str
    reason: str = ""
    reward: float | None = None
    standard_error: float | None = None
    trained: StageResult | None = None
    validation: Mapping[str, float] | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class SearchOutcome:
    """What the document's algorithm returns.

    Attributes:
        best: I*; None if no method was good enough to be validated.
        best_reward: its published validation reward.
        rounds: the outcome of every iteration.
        validation_queries: how often validation was consulted.
        tried: what M1 tried on training questions besides the methods it proposed.
        ended: why fewer methods were tried than were asked for, empty if all were.
        plateau: what is known of whether it has stopped improving; None if that was not asked for.
    """

    best: Proposal | None
    best_reward: float | None
    rounds: tuple[RoundRecord, ...]
    validation_queries: int
    tried: Tried
    ended: str = ""
    plateau: Plateau | None = None


class Search:
    """One search.

    Args:
        config: its settings.
        M1: the researcher, without experience.
        R: the reward formula.
        T: the questions by task of each stage, `screen`, `train` and `validation`; and `fresh` ones of the training
            tasks, if the search is to end once it has stopped improving.
        arms: the two settings.
        book: where everything is written.
        on_round: called after every iteration with its outcome.
        tools: what the workbench of M1 is made of; M1 is given none without them.
        work: does jobs; with `arms`, in this process, unless it is stated.
        map_jobs: maps `work` over the jobs of a method; Python's `map`, which does one after the other, by default.
    """

    def __init__(
        self,
        config: SearchConfig,
        *,
        M1: Researcher,
        R: Reward,
        T: Mapping[Stage, Tasks],
        arms: Arms,
        book: Book,
        on_round: Callable[[RoundRecord, Proposal], None] | None = None,
        tools: Tools | None = None,
        work: Work | None = None,
        map_jobs: JobMap = map,
    ) -> None:
        """See the class docstring."""
        self.config = config
        self.M1, self.R, self.T = M1, R, T
        self.arms = arms
        self.book = book
        self.on_round = on_round
        shown = {} if tools is None else tools.tasks
        tables = {x.question.hash: x for tasks in (*T.values(), shown) for t in tasks.values() for x in t}
        self.evaluator = Evaluator(book, arms, work or Workplace(arms, tables), map_jobs)
        self.workbench = None if tools is None else SearchWorkbench(config, R, self.evaluator, tools, T["train"])

    def run(self) -> SearchOutcome:
        """Run the algorithm to its end, from the beginning or from where it was killed."""
        # One pool for the whole search: a jail ends with the thread that started it.
        with ThreadPoolExecutor(self.config.side_by_side) as pool:
            try:
                return self._run(pool)
            except BaseException:
                self.arms.stop()  # or the pool would wait for methods that nobody waits for any more
                raise

    def _run(self, pool: ThreadPoolExecutor) -> SearchOutcome:
        # Initialization
        best_reward: float | None = None
        best: Proposal | None = None
        best_trained = -math.inf  # I*'s reward in training
        rounds: list[RoundRecord] = []
        rival: StageResult | None = None  # the best in training so far
        guard = Ladder()
        ended = ""
        watch = Watch(self.config.plateau) if "fresh" in self.T else None
        if self.workbench is not None:
            with self.workbench.within("begin"):
                self.M1.begin(self.workbench)

        # for iteration in range(max_iterations), `side_by_side` of them at a time
        for iterations in self._iterations():
            candidates, ended = self._candidates(iterations)
            trials = self._side_by_side(pool, iterations, candidates, self._promising(rounds), rival)
            for iteration, I, trial in zip(iterations, candidates, trials, strict=False):
                revealed = better = False
                if trial.validation is not None and trial.trained is not None:
                    verdict = guard.query(trial.validation)
                    revealed = verdict.revealed
                    self.book.open("validation", I.hash, iteration, revealed, verdict.published if revealed else None)
                    # Update best interpretability method if better
                    better = revealed or (verdict.tied and trial.trained.average > best_trained)
                    if better:
                        best_reward = guard.published
                        best, best_trained = I, trial.trained.average
                if trial.trained is not None and (rival is None or trial.trained.average > rival.average):
                    rival = trial.trained
                # Update M1 parameters based on reward
                with self._within("update", iteration):
                    self.M1.update(I, self._feedback(I, trial, guard.published, revealed))
                outcome = RoundRecord(
                    iteration=iteration,
                    method=I.hash,
                    stage=trial.stage,
                    status=trial.status,
                    reason=trial.reason,
                    reward=trial.reward,
                    standard_error=trial.standard_error,
                    validation_reward=guard.published if revealed else None,
                    improved=better,
                    best_method="" if best is None else best.hash,
                    best_reward=best_reward,
                    seconds=trial.seconds,
                )
                if watch is not None:
                    self._watch(watch, iteration, I, trial.trained)
                self.book.add_round(outcome)
                rounds.append(outcome)
                if self.on_round is not None:
                    self.on_round(outcome, I)
            if watch is not None and watch.plateau().reached:
                ended = f"it has stopped improving: {watch.plateau().rounds} rounds without a confirmed improvement"
            if ended:
                break
        plateau = None if watch is None else watch.plateau()
        return SearchOutcome(best, best_reward, tuple(rounds), guard.queries, tried(self.book.uses()), ended, plateau)

    def _watch(self, watch: Watch, iteration: int, I: Proposal, result: StageResult | None) -> None:
        """Score a method on the fresh questions if it seems better than the incumbent; M1 is told nothing of them."""
        trained = None if result is None else result.scored
        fresh = None
        if watch.claims(trained):
            with suppress(MethodError):
                fresh = self._reward_phase("fresh", I).scored
        watch.note(iteration, I.hash, trained, fresh)

    def _trial(
        self,
        iteration: int,
        I: Proposal,
        promising: Callable[[float], bool],
        rival: StageResult | None,
    ) -> Trial:
        """Take one method through the cascade; a finished iteration is rebuilt from the book."""
        faults = check_source(I.source)
        if faults:
            return Trial("screen", "rejected", str(FenceError(I.name, faults)))
        known = self.book.round(iteration)
        # what failed in validation goes through the book as well: M1 is told how it did in training
        if known is not None and known.status != "ok" and known.stage != "validation":
            stage: Stage = known.stage  # type: ignore[assignment]
            told = (known.reason, known.reward, known.standard_error)
            return Trial(stage, known.status, *told, seconds=known.seconds)
        start = time.monotonic()
        trial = self._cascade(I, promising, rival)
        seconds = time.monotonic() - start if known is None else known.seconds
        return replace(trial, seconds=seconds)

    def _cascade(self, I: Proposal, promising: Callable[[float], bool], rival: StageResult | None) -> Trial:
        stage: Stage = "screen"
        trained: StageResult | None = None
        try:
            # Apply interpretability method to model and cache results
            # This computation is not counted towards task-specific FLOP budgets
            self.evaluator.interpret(I)
            screened = self._reward_phase(stage, I)
            if screened.average < self.config.screen_floor:
                reason = f"reward {screened.average:.3f} in the screen, below {self.config.screen_floor}"
                return Trial(stage, "pruned", reason, screened.average, screened.standard_error)
            stage = "train"
            result = self._reward_phase(stage, I, rival)
            if result.stopped:
                return Trial(stage, "pruned", result.stopped, result.average, result.standard_error)
            trained = result
            if not promising(trained.average):
                return Trial(stage, "ok", "", trained.average, trained.standard_error, trained)
            stage = "validation"
            validated = self._reward_phase(stage, I)
            return Trial(stage, "ok", "", trained.average, trained.standard_error, trained, validated.by_question)
        except MethodError as failure:
            failed = Trial(stage, "error", str(failure))
            if trained is None:
                return failed
            return replace(failed, reward=trained.average, standard_error=trained.standard_error, trained=trained)

    def _reward_phase(self, stage: Stage, I: Proposal, rival: StageResult | None = None) -> StageResult:
        """The document's REWARD PHASE on the tasks of a stage, the cheapest first; it ends early behind a rival."""
        total_reward = 0.0
        baselines: list[Curve] = []
        interps: list[Curve] = []
        shares: list[float] = []
        tasks = self._by_cost(stage)
        answers = self.evaluator.interp(stage, I, tasks)
        for asked, t in enumerate(tasks, 1):  # For each task
            # BASELINE SETTING
            # Run execution agent on task without interpretability method
            baseline = [curve for x in t for curve in self.evaluator.baseline(x).curves]
            # AUTO-INTERP SETTING
            # Run execution agent with interpretability method
            evaluations = next(answers)
            interp = [curve for evaluation in evaluations for curve in evaluation.curves]
            if (exchange := coins(self.config, I.hash)) is not None:
                baseline, interp = exchange_arms(baseline, interp, exchange)
            # Calculate task-specific reward
            # Reward increases with performance improvement and FLOP reduction
            R_t_value = self.R.reward(baseline, interp)
            total_reward += R_t_value
            baselines += baseline
            interps += interp
            shares += [each.spending.flops / x.brute_flops for each, x in zip(evaluations, t, strict=True)]
            cost = sum(shares) / len(shares)
            if rival is not None and 2 * asked >= len(self.T[stage]) > asked:
                score = self.R.score(baselines, interps)
                mine = _by_question(score)
                if clearly_worse(mine, rival.by_question, self.config.prune_level):
                    reason = f"behind the best method so far on {len(mine)} questions of the {asked} cheapest tasks"
                    average = extrapolate(score.by_task, rival.by_task)
                    return StageResult(average, score.standard_error, mine, score.by_task, cost, reason)
        # Average reward across all tasks of the stage
        avg_reward = total_reward / len(self.T[stage])
        score = self.R.score(baselines, interps)
        return StageResult(avg_reward, score.standard_error, _by_question(score), score.by_task, cost)

    def _by_cost(self, stage: Stage) -> list[Sequence[Table]]:
        """Return the questions of each task of a stage, the task that is cheapest by brute force first."""
        return sorted(self.T[stage].values(), key=lambda t: sum(x.brute_flops for x in t) / len(t))

    def _candidates(self, iterations: Sequence[int]) -> tuple[list[Proposal], str]:
        """Return what M1 proposes for some iterations, fewer once it has nothing new, and why it has not.

        Raises:
            NothingNewError: it has nothing for the first iteration of all.
        """
        found: list[Proposal] = []
        for iteration in iterations:
            try:
                found.append(self._propose(iteration))
            except NothingNewError as error:
                if iteration == 0:
                    raise
                return found, str(error)
        return found, ""

    def _propose(self, iteration: int) -> Proposal:
        """Let M1 propose a method, or remind it of the one it proposed before the search was killed."""
        known = self.book.proposal(iteration)
        if known is not None:
            if self.workbench is not None:
                self.workbench.remember(iteration)
            self.M1.remember(known)
            return known
        with self._within("propose", iteration):
            proposal = self.M1.propose(self._seed("researcher", iteration))
        self.book.add_proposal(iteration, proposal)
        return proposal

    def _within(self, phase: Phase, iteration: int) -> AbstractContextManager[None]:
        """Let M1 use its workbench, if it has one, until the block ends."""
        return nullcontext() if self.workbench is None else self.workbench.within(phase, iteration)

    def _seed(self, *names: str | int) -> Seed:
        return Seed.root(self.config.seed).split(*names)

    def _iterations(self) -> Sequence[Sequence[int]]:
        everything = range(self.config.methods)
        width = self.config.side_by_side
        return [everything[first : first + width] for first in range(0, self.config.methods, width)]

    def _promising(self, rounds: Sequence[RoundRecord]) -> Callable[[float], bool]:
        """Return whether a training reward is above `validate_above` and among the `validate_best` best so far."""
        # one that failed in validation counts too, or whether the next is validated would tell that it failed
        counting = (each for each in rounds if each.status == "ok" or each.stage == "validation")
        rewards = sorted(each.reward for each in counting if each.reward is not None)
        best = rewards[-self.config.validate_best :]
        floor = self.config.validate_above if len(best) < self.config.validate_best else best[0]
        return lambda reward: reward > max(floor, self.config.validate_above)

    def _feedback(self, I: Proposal, trial: Trial, published: float | None, revealed: bool) -> Feedback:
        """Return what M1 may learn of a trial; all of it but the guard's figure is of training.

        A method that fails on a validation question is told like one that is not better: that it fails, and more so the
        words of its error, could carry any of what it was asked there.
        """
        stage: Stage = "screen" if trial.stage == "screen" else "train"
        return Feedback(
            reward=trial.reward,
            stage=trial.stage,
            validation=published,
            best=revealed,
            error=None if trial.stage == "validation" else trial.reason or None,
            cost=None if trial.trained is None else trial.trained.cost,
            families={} if trial.trained is None else trial.trained.by_family,
            questions=by_question(
                self.R,
                self.evaluator.answered(stage, I, self._by_cost(stage)),
                coins(self.config, I.hash),
            ),
        )

    def _side_by_side(
        self,
        pool: ThreadPoolExecutor,
        iterations: Sequence[int],
        candidates: Sequence[Proposal],
        promising: Callable[[float], bool],
        rival: StageResult | None,
    ) -> list[Trial]:
        alike = len(candidates)
        return list(pool.map(self._trial, iterations, candidates, [promising] * alike, [rival] * alike))


def _by_question(score: Score) -> dict[str, float]:
    return {question: reward for (_, question), reward in score.by_question.items()}
