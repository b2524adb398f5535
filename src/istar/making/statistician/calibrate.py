"""Rebuild what the statistician learned: `python -m istar.making.statistician.calibrate [--target NAME] [--afresh]`.

First the records of every task's committed tables, from which priors are pooled (always without the question asked).
Then the portfolio, on training families alone: every variant answers every training question of a kind of functional,
and the one with the best mean skill over all budgets is frozen in `portfolio.json` with the scores of all, and with
the factor that makes the spreads it states honest.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from istar.executors.market import Market
from istar.executors.statistician.statistician import Statistician
from istar.executors.statistician.variants import Variant
from istar.making.statistician.derivations import arm_choice_table, best_arm_table, upper_tail_table
from istar.making.statistician.knowing import knowledge_of
from istar.making.statistician.spreads import spread_factor, standardised_errors
from istar.rewards.budgets import at_shares, common_shares
from istar.seeds import Seed
from istar.tasks import tasks
from istar.truth import MissingTruthError, Table, load_tables
from istar.truth.effects.records import (
    TableEffects,
    calibration_file,
    committed_folder,
    effects_of,
    forget_records,
    learn_effects,
    write_records,
)

LOG = logging.getLogger(__name__)

REFERENCE_FLOOR = 0.25
"""A question's blind loss counts as at least this share of the task's mean, as in `istar.rewards.skill`."""
RULE = "best mean skill over all budgets on training questions, among variants never under -0.05 on any task"
WORST = -0.05
"""No variant is chosen whose mean skill on a task falls under this at any budget, if there is another."""

Group = tuple[Sequence[Table], Sequence[TableEffects]]
"""Questions of a task, and what was learned from each."""

LINEAR_DESIGNS = (Variant(greedy_share=0.2), Variant(design="paired", chunk=4), Variant(design="random"))
TEMPERS = (1.0, 0.7, 0.5, 0.35, 0.2)
ARM_DESIGNS = (Variant(), Variant(temper=0.5), Variant(design="random"))
CHOICE_DESIGNS = (*(Variant(temper=temper) for temper in TEMPERS), Variant(design="random"))
ABOUT_ARMS = ("arm_means", "arm_ranking", "arm_spread")
"""Kinds of functionals whose tables can be asked for the best arm as well."""

TAIL_DESIGNS = (
    Variant(explore=0.2, temper=0.5),
    Variant(explore=0.2, temper=0.2),
    Variant(explore=0.2, temper=0.1),
    Variant(explore=0.5, temper=0.2),
    Variant(design="random", temper=0.2),
)


def learn_all(target: str | None = None, afresh: bool = False) -> dict[str, tuple[list[Table], list[TableEffects]]]:
    """Learn and commit the records of every task that has tables; return tables and records by task.

    Args:
        target: a target's name or id instead of each task's home.
        afresh: learn again what is known already, as a change of the model of a table requires.
    """
    found = {}
    for task in tasks():
        try:
            tables = load_tables(task.name, target or task.home)
        except MissingTruthError:
            LOG.warning("no tables of %s on %s: skipped", task.name, target or task.home)
            continue
        known = [effects_of(table.question, table.values) for table in tables] if afresh else learn_effects(tables)
        records = list(known)
        path = calibration_file(task.name, tables[0].target, committed_folder())
        write_records(path, task.name, tables[0].target, records)
        LOG.info("%s: %d records", task.name, len(records))
        found[task.name] = (tables, records)
    forget_records()
    return found


def skill_curves(groups: Sequence[Group], variant: Variant, seeds: Iterable[int]) -> Float[np.ndarray, "runs budgets"]:
    """Return the skill of the black-box arm at every budget, for all questions of some tasks and seeds.

    The budgets are the shares of brute force that the curves of all these questions reach.

    Args:
        groups: tables and records of each task.
        variant: the variant.
        seeds: executor seeds.
    """
    own, curves = [], []
    for tables, records in groups:
        known = [knowledge_of(table.question, records) for table in tables]
        blind = [
            table.question.functional.loss(each.blind, table.values, table.question.structure)
            for table, each in zip(tables, known, strict=True)
        ]
        floor = REFERENCE_FLOOR * float(np.mean(blind))
        for table, knowledge, loss in zip(tables, known, blind, strict=True):
            question = table.question
            for seed in seeds:
                market = Market(table)
                trace = Statistician(variant).answer(market, knowledge, Seed.root(seed))
                losses = [question.functional.loss(each, table.values, question.structure) for each in trace.answers]
                own.append(trace.checkpoints / trace.checkpoints[-1])
                curves.append(1 - np.array(losses) / max(loss, floor))
    shares = common_shares(each[0] for each in own)
    return np.stack([at_shares(shares, *each) for each in zip(own, curves, strict=True)])


def _score(curves: Float[np.ndarray, "runs budgets"], runs: Sequence[int]) -> dict[str, Any]:
    """Return the score of a variant.

    Args:
        curves: of all questions and seeds, task by task.
        runs: how many of them each task has.
    """
    mean = curves.mean(0)
    least = min(float(each.mean(0).min()) for each in np.split(curves, np.cumsum(runs)[:-1]))
    error = curves.mean(1).std(ddof=1) / np.sqrt(len(curves))
    return {
        "mean_skill": round(float(mean.mean()), 4),
        "standard_error": round(float(error), 4),
        "least_mean_skill": round(least, 4),
        "by_checkpoint": [round(float(each), 4) for each in mean],
    }


def choose(
    groups: Sequence[Group],
    designs: Sequence[Variant],
    models: bool,
    seeds: Sequence[int],
) -> dict[str, Any]:
    """Choose a design, then if `models` a model for it and a temper, and return the choice with all scores."""
    scores: dict[Variant, dict[str, Any]] = {}

    def best(variants: Iterable[Variant]) -> Variant:
        for variant in variants:
            if variant not in scores:
                runs = [len(tables) * len(seeds) for tables, _ in groups]
                scores[variant] = _score(skill_curves(groups, variant, seeds), runs)
                LOG.info("  %s: %s", variant.name, scores[variant])
        allowed = [variant for variant in scores if scores[variant]["least_mean_skill"] >= WORST] or list(scores)
        return max(allowed, key=lambda variant: scores[variant]["mean_skill"])

    chosen = best(designs)
    if models:
        others = ("full", "pairwise", "additive")
        chosen = best(Variant(**{**chosen.to_json(), "model": model}) for model in others)
        chosen = best(Variant(**{**chosen.to_json(), "temper": temper}) for temper in TEMPERS)
    return {
        "variant": chosen.to_json(),
        "spread_factor": measured_factor(groups, chosen, seeds),
        "questions": sum(len(tables) for tables, _ in groups),
        "seeds": list(seeds),
        "scores": {variant.name: score for variant, score in scores.items()},
    }


def measured_factor(groups: Sequence[Group], variant: Variant, seeds: Sequence[int]) -> float:
    """Return the factor on the spreads that a variant states on the questions of some tasks."""
    errors = [each for tables, records in groups for each in standardised_errors(tables, records, variant, seeds)]
    return round(spread_factor(errors), 3)


def _derived(groups: Iterable[Group], derive: Callable[[Table], Table]) -> list[Group]:
    found: list[Group] = []
    for tables, _ in groups:
        derived = [derive(table) for table in tables]
        found.append((derived, [effects_of(table.question, table.values) for table in derived]))
    return found


def build_portfolio(
    known: dict[str, tuple[list[Table], list[TableEffects]]],
    seeds: Sequence[int],
    questions: int | None = None,
    kinds: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the portfolio as JSON values, chosen on training families alone.

    Args:
        known: tables and records by task.
        seeds: executor seeds.
        questions: how many questions of each task to use, all if None.
        kinds: kinds of functionals to choose for, all if None.
    """
    choice: dict[str, Any] = {}
    for kind, members, designs, models in _members(known, questions):
        if kinds is None or kind in kinds:
            LOG.info("%s on %s", kind, ", ".join(members))
            choice[kind] = choose(list(members.values()), designs, models, seeds)
            choice[kind]["chosen_on"] = list(members)
    return choice


def measure_factors(
    known: dict[str, tuple[list[Table], list[TableEffects]]], choice: dict[str, Any], seeds: Sequence[int]
) -> dict[str, Any]:
    """Return a portfolio with the factors of its variants' spreads measured anew; arguments as of `build_portfolio`."""
    measured = dict(choice)
    for kind, members, _, _ in _members(known, None):
        factor = measured_factor(list(members.values()), Variant(**choice[kind]["variant"]), seeds)
        LOG.info("%s on %s: %g", kind, ", ".join(members), factor)
        measured[kind] = {"variant": choice[kind]["variant"], "spread_factor": factor} | {
            name: value for name, value in choice[kind].items() if name not in ("variant", "spread_factor")
        }
    return measured


def _members(
    known: dict[str, tuple[list[Table], list[TableEffects]]], questions: int | None
) -> Iterator[tuple[str, dict[str, Group], Sequence[Variant], bool]]:
    """Yield every kind of functional with its training questions by task, the designs, and whether models vary too."""
    by_kind: dict[str, dict[str, Group]] = {}
    for task in tasks("train"):
        if task.name in known:
            tables, records = known[task.name]
            kind = tables[0].question.functional.kind
            by_kind.setdefault(kind, {})[task.name] = (tables[:questions], records[:questions])
    for kind, members in sorted(by_kind.items()):
        yield kind, dict(sorted(members.items())), LINEAR_DESIGNS, True
    games = by_kind.get("shapley_values", {})
    about_arms = {name: each for kind in ABOUT_ARMS for name, each in by_kind.get(kind, {}).items()}
    extra = (
        ("best_arm_mean", games, best_arm_table, ARM_DESIGNS),
        ("upper_tail", games, upper_tail_table, TAIL_DESIGNS),
        ("arm_choice", about_arms, arm_choice_table, CHOICE_DESIGNS),
    )
    for kind, members, derive, designs in extra:
        if members:
            derived = _derived((members[name] for name in sorted(members)), derive)
            names = [f"{name}, asked for {kind}" for name in sorted(members)]
            yield kind, dict(zip(names, derived, strict=True)), designs, False


def main() -> None:
    """Rebuild the calibration and the portfolio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--target", help="instead of each task's home")
    parser.add_argument("--seeds", type=int, default=1, help="executor seeds per question for the portfolio")
    parser.add_argument("--questions", type=int, help="questions of each task for the portfolio; all by default")
    parser.add_argument("--kinds", nargs="+", help="choose for these kinds of functionals alone and keep the others")
    parser.add_argument("--afresh", action="store_true", help="learn known records again")
    parser.add_argument("--factors-only", action="store_true", help="keep the choice; measure its spreads again")
    parser.add_argument("--records-only", action="store_true", help="leave the portfolio as it is")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    threadpool_limits(1)  # matrices are small: threads would wait for one another
    known = learn_all(arguments.target, arguments.afresh)
    if not arguments.records_only:
        path = Path(str(files("istar.executors.statistician"))) / "portfolio.json"
        kept = json.loads(path.read_text())["choice"] if arguments.kinds or arguments.factors_only else {}
        if arguments.factors_only:
            choice = measure_factors(known, kept, range(arguments.seeds))
        else:
            choice = build_portfolio(known, range(arguments.seeds), arguments.questions, arguments.kinds)
        path.write_text(json.dumps({"version": 1, "rule": RULE, "choice": kept | choice}, indent=1) + "\n")
        LOG.info("wrote %s", path.name)


if __name__ == "__main__":
    main()
