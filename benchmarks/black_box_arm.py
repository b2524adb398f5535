"""The black-box arm against published estimators, at the same FLOPs on the same tables.

Run `python benchmarks/black_box_arm.py`; it reads the committed tables of training families and writes
`results/black_box_arm.json`. Every contestant pays the same prices: unique tokens of the rows it has bought. Published
estimators are given each coalition's mean over all queries, or over a quarter of them, whichever does better.
Where a budget is too small for an estimator to answer it is granted the blind answer, and it keeps the answer of the
largest purchase that the budget affords. A player that an estimator of shapiq's did not reach is stated as exactly 0;
as long as there is one, that is no answer yet (`--only` renews parts of the result).
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapiq
import torch
from sklearn.linear_model import Lasso, LassoCV, LinearRegression

from istar.executors import Market, budget_checkpoints
from istar.executors.statistician.knowledge import Knowledge
from istar.executors.statistician.statistician import Statistician
from istar.making.statistician.derivations import best_arm_table, upper_tail_table
from istar.making.statistician.knowing import knowledge_of
from istar.questions import grid_groups
from istar.rewards.budgets import at_shares, common_shares
from istar.rewards.skill import blind_loss, reference_losses
from istar.seeds import Seed
from istar.truth import Table, load_tables
from istar.truth.effects.records import effects_of, learn_effects
from machine import describe_machine

RESULTS = Path(__file__).parent / "results" / "black_box_arm.json"
CAVEATS = [
    "An estimator of Shapley values has no answer as long as it states exactly 0 for a player, as shapiq does where a "
    "budget did not reach one; until then it is granted the blind answer. Permutation sampling has none below n + 1 "
    "evaluations of a game of n players.",
]

Purchases = Iterator[tuple[np.ndarray, np.ndarray]]
"""Growing purchases: the rows bought so far, and the answer they give."""


@dataclass(frozen=True)
class Case:
    """One question as a published estimator meets it."""

    table: Table
    known: Knowledge
    reference: float
    seed: int

    @property
    def blind(self) -> np.ndarray:
        """The answer with nothing bought."""
        return self.known.blind


def curve(case: Case, purchases: Purchases) -> np.ndarray:
    """Return the skill at every checkpoint of a sequence of purchases."""
    table, question = case.table, case.table.question
    checkpoints = budget_checkpoints(table.prices, question.structure)
    answers = [case.blind] * len(checkpoints)
    for rows, answer in purchases:
        price = table.prices.bill().price(rows)
        for place, budget in enumerate(checkpoints):
            if price <= budget:
                answers[place] = answer
    losses = [question.functional.loss(answer, table.values, question.structure) for answer in answers]
    return 1 - np.array(losses) / case.reference


def shapley_estimator(make: Callable[[int, int], object], queries: float) -> Callable[[Case], Purchases]:
    """Return purchases by one of shapiq's approximators over a share of the queries."""

    def run(case: Case) -> Purchases:
        structure = case.table.question.structure
        players = len(structure.of("switch"))
        coalition = sum(column.array.astype(int) << place for place, column in enumerate(structure.of("switch")))
        query = structure.levels(structure.of("nuisance")[0].name)
        chosen = np.random.default_rng(case.seed).permutation(query.max() + 1)
        chosen = chosen[: max(1, round(queries * len(chosen)))]
        inside = np.isin(query, chosen)
        mean = np.array([case.table.values[(coalition == each) & inside].mean() for each in range(2**players)])
        for budget in np.unique(np.round(2.0 ** np.arange(2.5, players + 1.01, 0.5)).astype(int)):
            seen: set[int] = set()

            def game(coalitions: np.ndarray, seen: set[int] = seen) -> np.ndarray:
                codes = np.atleast_2d(coalitions).astype(int) @ (1 << np.arange(players))
                seen.update(codes.tolist())
                return mean[codes]

            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    values = make(players, case.seed).approximate(int(budget), game)
                answer = np.array([values[(player,)] for player in range(players)])
            except (ValueError, ZeroDivisionError, IndexError, np.linalg.LinAlgError):
                continue
            if seen and np.isfinite(answer).all() and answer.all():
                yield np.flatnonzero(np.isin(coalition, list(seen)) & inside), answer

    return run


def datamodel(make: Callable[[int], object]) -> Callable[[Case], Purchases]:
    """Return purchases of random subsets with a linear fit of their means, as in ContextCite."""

    def run(case: Case) -> Purchases:
        question = case.table.question
        structure = question.structure
        subset = structure.levels(question.functional.subset)
        count = int(subset.max()) + 1
        switches = np.stack([column.array for column in structure.of("switch")], axis=1)
        first = np.array([np.flatnonzero(subset == each)[0] for each in range(count)])
        mean = np.array([case.table.values[subset == each].mean() for each in range(count)])
        order = np.random.default_rng(case.seed).permutation(count - question.functional.held_out)
        for size in np.unique(np.round(2.0 ** np.arange(2, 8.1, 0.5)).astype(int)):
            part = order[: min(size, len(order))]
            target = mean[part]
            scale = target.std() or 1.0
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = make(len(part)).fit(switches[first[part]], (target - target.mean()) / scale)
            yield np.flatnonzero(np.isin(subset, part)), np.asarray(model.coef_) * scale

    return run


class Arms:
    """A best-arm problem: pull an arm's next replicate of either half, and answer with the measured half."""

    def __init__(self, case: Case) -> None:
        question = case.table.question
        arm, _ = grid_groups(question.structure)
        level = question.structure.levels(question.functional.arm)
        replicate = question.structure.levels(question.functional.replicate)
        self.count = int(level.max()) + 1
        del arm
        generator = np.random.default_rng(case.seed)
        even = generator.permutation(np.unique(replicate[replicate % 2 == 0]))
        odd = generator.permutation(np.unique(replicate[replicate % 2 == 1]))
        pairs = min(len(even), len(odd))
        self.order = np.stack([even[:pairs], odd[:pairs]], axis=1)
        row = np.full((self.count, int(replicate.max()) + 1), -1)
        row[level, replicate] = np.arange(len(level))
        self.row, self.values = row, case.table.values
        self.pulls = np.zeros(self.count, dtype=int)

    def chosen(self, arm: int) -> float:
        """Return the mean by which an arm is chosen."""
        return (
            float(self.values[self.row[arm, self.order[: self.pulls[arm], 0]]].mean()) if self.pulls[arm] else -np.inf
        )

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows bought and the measured mean of the best arm."""
        rows = [self.row[arm, self.order[: self.pulls[arm]].reshape(-1)] for arm in range(self.count)]
        best = max(range(self.count), key=self.chosen)
        measured = self.values[self.row[best, self.order[: self.pulls[best], 1]]].mean()
        return np.concatenate(rows), np.array([measured])


def uniform_arms(case: Case) -> Purchases:
    """Buy one more pair of replicates of every arm in turn."""
    arms = Arms(case)
    for _ in range(len(arms.order)):
        arms.pulls += 1
        yield arms.state()


def halving_arms(case: Case) -> Purchases:
    """Buy by sequential halving (Karnin, Koren and Somekh, 2013), for a range of total budgets."""
    size = Arms(case)
    rounds = int(np.ceil(np.log2(size.count)))
    for budget in np.unique(
        np.round(size.count * 2.0 ** np.arange(0, np.log2(rounds * len(size.order)) + 0.1, 0.5)).astype(int)
    ):
        arms = Arms(case)
        alive = list(range(arms.count))
        for _ in range(rounds):
            more = max(1, int(budget / (len(alive) * rounds)))
            arms.pulls[alive] = np.minimum(arms.pulls[alive] + more, len(arms.order))
            alive = sorted(alive, key=arms.chosen, reverse=True)[: max(1, -(-len(alive) // 2))]
        yield arms.state()


def confidence_arms(case: Case) -> Purchases:
    """Buy by upper confidence bounds (UCB-E of Audibert, Bubeck and Munos, 2010)."""
    arms = Arms(case)
    arms.pulls += 1
    yield arms.state()
    spread = np.std([arms.chosen(arm) for arm in range(arms.count)])
    for step in range(arms.count * len(arms.order)):
        open_ = np.flatnonzero(arms.pulls < len(arms.order))
        if len(open_) == 0:
            break
        bound = [arms.chosen(arm) + spread * np.sqrt(2.0 / arms.pulls[arm]) for arm in open_]
        arms.pulls[open_[int(np.argmax(bound))]] += 1
        if step % 16 == 0:
            yield arms.state()
    yield arms.state()


def crude_tail(case: Case) -> Purchases:
    """Buy random rows and answer with their own quantile and mean above it."""
    order = np.random.default_rng(case.seed).permutation(len(case.table.values))
    for size in np.unique(np.round(2.0 ** np.arange(2, np.log2(len(order)) + 0.01, 0.5)).astype(int)):
        rows = order[:size]
        yield rows, case.table.question.functional.answer(case.table.values[rows], None)


SHAPIQ = {
    "KernelSHAP": lambda n, seed: shapiq.KernelSHAP(n=n, random_state=seed),
    "KernelSHAP, paired": lambda n, seed: shapiq.KernelSHAP(n=n, pairing_trick=True, random_state=seed),
    "unbiased KernelSHAP": lambda n, seed: shapiq.UnbiasedKernelSHAP(n=n, random_state=seed),
    "permutation sampling": lambda n, seed: shapiq.PermutationSamplingSV(n=n, random_state=seed),
    "SVARM": lambda n, seed: shapiq.SVARM(n=n, random_state=seed),
    "stratified sampling": lambda n, seed: shapiq.StratifiedSamplingSV(n=n, random_state=seed),
}
DATAMODELS = {
    "LASSO, alpha 0.01 (ContextCite)": lambda _: Lasso(alpha=0.01),
    "LASSO, cross-validated": lambda count: LassoCV(cv=min(5, count), max_iter=20_000),
    "least squares": lambda _: LinearRegression(),
}


def contest(
    tables: Sequence[Table],
    records: list,
    contestants: dict[str, Callable[[Case], Purchases]],
    seeds: int,
    questions: int | None,
) -> dict:
    """Return the mean skill at every budget of the black-box arm and of every contestant."""
    known = [knowledge_of(table.question, records) for table in tables]
    blind = [blind_loss(table, each.blind) for table, each in zip(tables, known, strict=True)]
    skills: dict[str, list[np.ndarray]] = {"black-box arm": []} | {name: [] for name in contestants}
    own: list[np.ndarray] = []
    chosen = list(zip(tables, known, reference_losses(blind), strict=True))[:questions]
    for table, each, reference in chosen:
        for seed in range(seeds):
            case = Case(table, each, reference, seed)
            trace = Statistician().answer(Market(table), each, Seed.root(seed))
            losses = [
                table.question.functional.loss(answer, table.values, table.question.structure)
                for answer in trace.answers
            ]
            own.append(trace.checkpoints / trace.checkpoints[-1])
            skills["black-box arm"].append(1 - np.array(losses) / reference)
            for name, purchases in contestants.items():
                skills[name].append(curve(case, purchases(case)))
    shares = common_shares(each[0] for each in own)
    aligned = {
        name: np.stack([at_shares(shares, *each) for each in zip(own, curves, strict=True)])
        for name, curves in skills.items()
    }
    ours = aligned["black-box arm"]
    summary = {}
    for name, mine in aligned.items():
        lead = (ours - mine).mean(1)
        summary[name] = {
            "mean_skill": round(float(mine.mean()), 4),
            "by_budget": [round(float(each), 3) for each in mine.mean(0)],
            "lead_of_black_box_arm": round(float(lead.mean()), 4),
            "lead_standard_error": round(float(lead.std(ddof=1) / np.sqrt(len(lead))), 4),
            "budgets_where_ahead_of_black_box_arm": int((mine.mean(0) > ours.mean(0) + 0.02).sum()),
        }
    return summary


def better_half(contestants: dict[str, dict]) -> dict[str, dict]:
    """Keep the better of the two shares of queries of each Shapley estimator."""
    kept: dict[str, dict] = {}
    for name, result in contestants.items():
        base = name.split("|")[0]
        if base not in kept or result["mean_skill"] > kept[base]["mean_skill"]:
            kept[base] = result | ({"queries": name.split("|")[1]} if "|" in name else {})
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--questions", type=int, help="questions of each task; all by default")
    parser.add_argument("--only", nargs="+", help="renew these parts of the result and keep the others")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    shapley = {
        f"{name}|{share:g}": shapley_estimator(make, share) for name, make in SHAPIQ.items() for share in (1.0, 0.25)
    }
    attribution = {name: datamodel(make) for name, make in DATAMODELS.items()}
    arms = {"uniform": uniform_arms, "sequential halving": halving_arms, "UCB-E": confidence_arms}
    results: dict[str, object] = {"machine": describe_machine(), "seeds": arguments.seeds, "caveats": CAVEATS}
    if arguments.only:
        kept = json.loads(RESULTS.read_text())
        results = {"machine": kept["machine"], "seeds": kept["seeds"], "caveats": CAVEATS} | kept

    def wanted(part: str) -> bool:
        return not arguments.only or part in arguments.only

    for task in filter(wanted, ("context_attribution/facts-subsets", "context_attribution/reviews-subsets")):
        tables = load_tables(task, arguments.target)
        results[task] = contest(tables, list(learn_effects(tables)), attribution, arguments.seeds, arguments.questions)
    for task in ("shot_shapley/antonyms", "shot_shapley/capitals"):
        tables = load_tables(task, arguments.target)
        if wanted(task):
            results[task] = better_half(
                contest(tables, list(learn_effects(tables)), shapley, arguments.seeds, arguments.questions)
            )
        for name, derive, contestants in (
            ("best arm", best_arm_table, arms),
            ("upper tail", upper_tail_table, {"crude quantile": crude_tail}),
        ):
            if not wanted(f"{task}, {name}"):
                continue
            derived = [derive(table) for table in tables]
            records = [effects_of(table.question, table.values) for table in derived]
            results[f"{task}, {name}"] = contest(derived, records, contestants, arguments.seeds, arguments.questions)
    for task, summary in results.items():
        if isinstance(summary, dict) and "black-box arm" in summary:
            print(task)
            for name, result in summary.items():
                print(f"  {name:34s} {result['mean_skill']:7.3f}  {result['by_budget'][::4]}")
    print(*CAVEATS, sep="\n")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
