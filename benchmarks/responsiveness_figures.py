"""What the cells of `responsiveness.py` say: multipliers, heard shares, what noise costs, slopes and coverage.

A cell is what the executor answered to some questions of a task with channels of one kind, at one price, in one of
three states: `known`, `stranger`, or told by an `oracle`; or without channels, the black-box arm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from istar.rewards.crossing import crossings
from istar.rewards.multipliers import LEVELS as REWARDED
from istar.rewards.pairs import SKILL_FLOOR
from planted_channels import KINDS

ALONE = "alone"
"""The kind of the cell of the black-box arm."""
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TOLD = (0.5, 0.8)
CHEAP = 0.01
"""Shares that are heard are averaged over prices up to this one."""
LEAST_ORACLE = 1.05
"""Where the oracle's multiplier is not above this there is nothing to hear, and no share of it."""
BEST, BELIEVED, BELIEVED_ROWS = 0.001, 0.01, 16
"""The truth at this price ought to be believed after this much of brute force more, or these rows if that is more."""
WORTH = 0.02
"""The truth ought to be bought where the black-box arm needs at least this share of brute force for 0.8."""
HARM = 0.95
RESAMPLES = 1000

CELL = (*(f"multiplier_{level}" for level in TOLD), "bought", "reward")
"""What is told of channels of one kind at one price in one state, in this order."""

Cell = Mapping[str, Any]


def mean(values: Iterable[float | None], digits: int = 4) -> float | None:
    """Return the mean of those values that there are, rounded; None if there are none."""
    known = [each for each in values if each is not None]
    return round(float(np.mean(known)), digits) if known else None


def geometric(values: Iterable[float | None]) -> float | None:
    """Return the geometric mean of those values that there are; None if there are none."""
    known = [each for each in values if each is not None]
    return round(float(np.exp(np.mean(np.log(known)))), 3) if known else None


def _share(values: Iterable[bool]) -> float | None:
    return mean(map(float, values))


class Arm:
    """Skill against budget of one arm on some questions.

    Where a question begins at a later budget than others, its skill before is that of the blind answer in the mean
    curve, and unknown in its own.

    Args:
        answers: the entries of a cell, one a question and seed.
        grid: logarithms of budgets as shares of brute force at which curves are looked at.
    """

    def __init__(self, answers: Sequence[Mapping[str, Any]], grid: np.ndarray) -> None:
        """See the class docstring."""
        curves: dict[str, list[np.ndarray]] = defaultdict(list)
        blind = {each["question"]: each["blind_skill"] for each in answers}
        for each in answers:
            skills = np.maximum(each["skill"], SKILL_FLOOR)
            curves[each["question"]].append(np.interp(grid, _log_shares(each), skills, left=np.nan))
        self.grid = grid
        self.curves = np.stack([np.mean(curves[question], axis=0) for question in sorted(curves)])
        begun = ~np.isnan(self.curves)
        self.mean = np.where(begun, self.curves, [[blind[question]] for question in sorted(curves)]).mean(0)

    def cost(self, level: float) -> float:
        """Return the share of brute force at which the mean curve reaches a level for good."""
        return float(np.exp(crossings(self.mean, self.grid, level).log_cost))

    def log_costs(self, level: float) -> np.ndarray:
        """Return the logarithm of the share at which each question's own curve reaches a level for good."""
        return np.asarray(crossings(self.curves, self.grid, level).log_cost)


def _log_shares(answer: Mapping[str, Any]) -> np.ndarray:
    return np.round(np.log(answer["share"]), 5)


class TaskFigures:
    """The figures of one task.

    Args:
        cells: all of the task's, the black-box arm's among them.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        """See the class docstring."""
        alone = next(cell for cell in cells if cell["kind"] == ALONE)
        self.task, self.group = alone["task"], alone["group"]
        self.functional = alone["functional"]
        self.grid = np.unique(np.concatenate([_log_shares(each) for cell in cells for each in cell["answers"]]))
        self.black = Arm(alone["answers"], self.grid)
        self.black_cost = {level: self.black.cost(level) for level in LEVELS}
        self.rows = float(np.mean([each["rows"] for each in alone["answers"]]))
        self.alone = alone
        self.everywhere = Arm(_answers(alone), self.grid).mean
        self.cells = {(cell["kind"], cell["price"], cell["heard"]): cell for cell in cells if cell is not alone}
        self.white = {key: Arm(cell["answers"], self.grid) for key, cell in self.cells.items()}

    def multiplier(self, kind: str, price: float, heard: str, level: float = 0.8) -> float | None:
        """Return how many times fewer FLOPs the white-box arm needs for a level of skill."""
        arm = self.white.get((kind, price, heard))
        return None if arm is None else self.black_cost[level] / arm.cost(level)

    def reward(self, kind: str, price: float, heard: str) -> float:
        """Return the reward, as the formula `log` gives it: decimal logarithms, mean over levels and questions."""
        arm = self.white[kind, price, heard]
        return float(np.mean([self.black.log_costs(level) - arm.log_costs(level) for level in REWARDED]) / np.log(10))

    def extra(self, price: float, heard: str) -> np.ndarray | None:
        """Return the share of brute force that noise costs at each level; negative where it happened to help."""
        arm = self.white.get(("noise", price, heard))
        return None if arm is None else np.array([arm.cost(level) - self.black_cost[level] for level in LEVELS])

    @property
    def least_skill(self) -> float:
        """The least mean skill of the black-box arm at any budget, over all questions that it answered."""
        return round(float(self.everywhere.min()), 4)

    @property
    def attainable(self) -> float:
        """The multiplier of the truth at a thousandth of brute force, believed as soon as it should be."""
        return max(1.0, self.black_cost[0.8] / (BEST + max(BELIEVED, BELIEVED_ROWS / self.rows)))

    def bought(self, kind: str, price: float, heard: str) -> list[bool]:
        """Return of each answer whether channels were bought."""
        cell = self.cells.get((kind, price, heard))
        return [] if cell is None else [each["batches"] > 0 for each in cell["answers"]]

    def shares(self, kind: str, heard: str, level: float) -> list[float | None]:
        """Return at each price the share heard of what the oracle made of it; None where there was nothing to hear."""
        found: list[float | None] = []
        for other, price, how in sorted(self.cells):
            if (other, how) != (kind, heard) or price > CHEAP + 1e-9:
                continue
            mine, told = self.multiplier(kind, price, heard, level), self.multiplier(kind, price, "oracle", level)
            if mine is None or told is None:
                continue
            share = float(np.log(mine) / np.log(told)) if told > LEAST_ORACLE else None
            found.append(None if share is None else float(np.clip(share, -1.0, 1.0)))
        return found

    def slope(self, heard: str = "known") -> float | None:
        """Return the rank correlation of reward and fidelity over graded kinds and prices."""
        keys = [key for key in self.cells if key[2] == heard and KINDS[key[0]].graded]
        if len({kind for kind, _, _ in keys}) < 3:
            return None
        return rank_correlation([self.reward(*key) for key in keys], [KINDS[kind].fidelity for kind, _, _ in keys])

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values: where it falls short can be read off."""
        channels: dict[str, Any] = {}
        for kind, price, heard in sorted(self.cells):
            key = (kind, price, heard)
            told = {f"multiplier_{level}": round(self.multiplier(*key, level) or 0.0, 3) for level in TOLD}
            told |= {"bought": round(float(np.mean(self.bought(*key))), 3), "reward": round(self.reward(*key), 4)}
            channels.setdefault(kind, {}).setdefault(f"{price:g}", {})[heard] = [told[name] for name in CELL]
        slope = self.slope()
        return {
            "functional": self.functional,
            "rows": int(self.rows),
            "black_box_share": {f"{level}": round(self.black_cost[level], 5) for level in TOLD},
            "black_box_least_skill": self.least_skill,
            "black_box_skill": {
                f"{np.exp(place):.5g}": round(float(each), 4)
                for place, each in zip(self.grid, self.everywhere, strict=True)
            },
            "stop": mean(each["stop"] for each in self.alone["answers"]),
            "executor_share": mean((each["own"] for each in self.alone["answers"]), 7),
            "attainable": round(self.attainable, 3),
            "slope": None if slope is None else round(slope, 3),
            "coverage": {name: mean(_covered(cells)) for name, cells in self.by_channels().items()},
            "coverage_by_budget": self._coverage_by_budget(),
            "noise": {
                heard: round(float(np.max([0.0, *each])), 5) for heard, each in self._noise().items() if len(each)
            },
            "channels": channels,
        }

    def _coverage_by_budget(self) -> dict[str, float | None]:
        """Return the black-box arm's coverage at each budget, mean over questions."""
        found: dict[str, list[float | None]] = defaultdict(list)
        for each in _answers(self.alone):
            for share, covered in zip(each["share"], each["coverage"], strict=True):
                found[f"{share:.5g}"].append(covered)
        return {share: mean(covered) for share, covered in sorted(found.items(), key=lambda item: float(item[0]))}

    def _noise(self) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {"known": [], "stranger": []}
        for kind, price, heard in self.cells:
            extra = self.extra(price, heard) if kind == "noise" and heard in found else None
            if extra is not None:
                found[heard].extend(extra.tolist())
        return found

    def by_channels(self) -> dict[str, list[Cell]]:
        """Return the cells without channels and with them; what an oracle told is no part of either."""
        return {"without": [self.alone], "with": [cell for (_, _, h), cell in self.cells.items() if h != "oracle"]}


def rank_correlation(left: Sequence[float], right: Sequence[float]) -> float:
    """Return Spearman's correlation, ties sharing their mean rank; 0 where one side is constant."""
    from scipy.stats import rankdata  # slow to import

    a, b = rankdata(np.round(left, 9)), rankdata(np.round(right, 9))
    return 0.0 if a.std() == 0 or b.std() == 0 else float(np.corrcoef(a, b)[0, 1])


def _answers(cell: Cell) -> list[Mapping[str, Any]]:
    """Return all answers of a cell: the black-box arm's to questions that methods are appraised on as well."""
    return [*cell["answers"], *cell.get("others", ())]


def _covered(cells: Iterable[Cell]) -> list[float]:
    """Return of every answer, short of brute force, the share of outputs whose interval holds the truth."""
    return [
        covered
        for cell in cells
        for each in _answers(cell)
        if cell["kind"] == ALONE or each["batches"] > 0
        for covered in each["coverage"][:-1]
        if covered is not None
    ]


def summary(tasks: Sequence[TaskFigures]) -> dict[str, Any]:
    """Return the figures of a group of tasks; None where a cell that is needed was not run."""
    kinds = sorted({kind for task in tasks for kind, _, _ in task.cells if KINDS[kind].informative})
    truth = [(task, task.multiplier("truth", BEST, "known")) for task in tasks]
    there = [(task, each) for task, each in truth if each is not None]
    heard = {
        (kind, how, level): [_of_task(task.shares(kind, how, level)) for task in tasks]
        for kind in kinds
        for how in ("known", "stranger")
        for level in TOLD
    }
    by_kind = {
        kind: {
            "heard_share": mean(heard[kind, "known", 0.8]),
            "heard_share_stranger": mean(heard[kind, "stranger", 0.8]),
            "heard_share_0.5": mean(heard[kind, "known", 0.5]),
            "heard_share_stranger_0.5": mean(heard[kind, "stranger", 0.5]),
            "nothing_to_hear": sum(each is None for task in tasks for each in task.shares(kind, "known", 0.8)),
            "harmed": _share(_harms(tasks, kind)),
            "multiplier": {
                how: {
                    f"{price:g}": geometric(task.multiplier(kind, price, how) for task in tasks)
                    for price in _prices(tasks)
                }
                for how in ("known", "stranger", "oracle")
            },
            "bought": {
                how: _share(
                    each for task in tasks for price in _prices(tasks) for each in task.bought(kind, price, how)
                )
                for how in ("known", "stranger", "oracle")
            },
        }
        for kind in kinds
    }
    slopes = [slope for task in tasks if (slope := task.slope()) is not None]
    noise_mean, noise_worst = _noise_costs(tasks)
    return {
        "tasks": len(tasks),
        "truth_bought": _share(each for task in tasks for each in task.bought("truth", BEST, "known")),
        "truth_bought_where_worth_it": _share(
            each for task in tasks if task.black_cost[0.8] >= WORTH for each in task.bought("truth", BEST, "known")
        ),
        "truth_multiplier": geometric(each for _, each in there),
        "truth_multiplier_0.5": geometric(task.multiplier("truth", BEST, "known", 0.5) for task in tasks),
        "attainable": geometric(task.attainable for task in tasks),
        "attainable_whatever_rows_cost": geometric(
            max(1.0, task.black_cost[0.8] / (BEST + BELIEVED)) for task in tasks
        ),
        "truth_short": {
            task.task: [round(each, 2), round(task.attainable, 2)]
            for task, each in there
            if each < 0.8 * task.attainable
        },
        "truth_under_2": {task.task: round(each, 2) for task, each in there if each < 2 and task.attainable >= 4},
        "heard_share": mean(each["heard_share"] for each in by_kind.values()),
        "heard_share_stranger": mean(each["heard_share_stranger"] for each in by_kind.values()),
        "heard_share_0.5": mean(each["heard_share_0.5"] for each in by_kind.values()),
        "heard_share_stranger_0.5": mean(each["heard_share_stranger_0.5"] for each in by_kind.values()),
        "noise_mean": noise_mean,
        "noise_worst": noise_worst,
        "noise_called_better": _share(_called_better(tasks)),
        "harmed": mean(each["harmed"] for each in by_kind.values()),
        "harmed_truth": by_kind["truth"]["harmed"] if "truth" in by_kind else None,
        "harmed_worst": _worst_harm(tasks),
        "slope_share": _share(slope >= 0.8 for slope in slopes) if slopes else None,
        "slope_median": round(float(np.median(slopes)), 3) if slopes else None,
        "coverage": {name: mean(mean(_covered(task.by_channels()[name]), 9) for task in tasks) for name in STATED},
        "black_box_least_skill": min((task.least_skill for task in tasks), default=None),
        "by_kind": by_kind,
        "by_functional": {
            functional: _of_functional([task for task in tasks if task.functional == functional])
            for functional in sorted({task.functional for task in tasks})
        },
    }


def missed(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a summary what misses its target, with what it is; what was not run misses none."""
    kinds = said["by_kind"]
    least = {
        "truth_bought_where_worth_it": (said["truth_bought_where_worth_it"], 0.95),
        "truth_multiplier": (said["truth_multiplier"], 0.8 * (said["attainable"] or 0)),
        "slope_share": (said["slope_share"], 0.8),
        "black_box_least_skill": (said["black_box_least_skill"], -0.05),
        **{f"heard_share of {kind}": (each["heard_share"], 0.7) for kind, each in kinds.items()},
        **{f"heard_share_stranger of {kind}": (each["heard_share_stranger"], 0.5) for kind, each in kinds.items()},
        **{f"coverage {how}": (said["coverage"][how], 0.92) for how in STATED},
    }
    most = {
        "noise_mean": (said["noise_mean"], 0.01),
        "noise_worst": (said["noise_worst"], 0.02),
        "noise_called_better": (said["noise_called_better"], 0.05),
        "tasks under 2": (len(said["truth_under_2"]), 0),
        **{f"harmed by {kind}": (each["harmed"], 0.0 if kind == "truth" else 0.05) for kind, each in kinds.items()},
        **{f"coverage {how} ": (said["coverage"][how], 0.98) for how in STATED},
    }
    short = {name: value for name, (value, goal) in least.items() if value is not None and value < goal}
    return short | {name.strip(): value for name, (value, goal) in most.items() if value is not None and value > goal}


def _of_functional(tasks: Sequence[TaskFigures]) -> dict[str, Any]:
    """Return the chief figures of the tasks of one kind of functional."""
    kinds = [kind for kind in KINDS.values() if kind.informative]
    return {
        "tasks": len(tasks),
        "truth_multiplier": geometric(task.multiplier("truth", BEST, "known") for task in tasks),
        "attainable": geometric(task.attainable for task in tasks),
        **{
            name: mean(_of_task(task.shares(kind.name, how, 0.8)) for task in tasks for kind in kinds)
            for name, how in (("heard_share", "known"), ("heard_share_stranger", "stranger"))
        },
        "noise_worst": _noise_costs(tasks)[1],
        "coverage": {name: mean(mean(_covered(task.by_channels()[name]), 9) for task in tasks) for name in STATED},
    }


def _of_task(shares: Sequence[float | None]) -> float | None:
    known = [each for each in shares if each is not None]
    return float(np.mean(known)) if known else None


STATED = ("without", "with")


def _prices(tasks: Sequence[TaskFigures]) -> list[float]:
    return sorted({price for task in tasks for _, price, _ in task.cells})


def _harms(tasks: Sequence[TaskFigures], kind: str) -> list[bool]:
    """Return of every task, price and state whether channels of a kind make the answer dearer."""
    multipliers = [
        task.multiplier(kind, price, how) for task in tasks for price in _prices(tasks) for how in ("known", "stranger")
    ]
    return [each < HARM for each in multipliers if each is not None]


def _worst_harm(tasks: Sequence[TaskFigures]) -> list[Any]:
    """Return the ten worst multipliers of informative channels with where they are."""
    found = [
        [round(task.multiplier(*key) or 0.0, 3), task.task, *key]
        for task in tasks
        for key in task.cells
        if KINDS[key[0]].informative and key[2] != "oracle"
    ]
    return sorted(each for each in found if each[0] < HARM)[:10]


def _noise_costs(tasks: Sequence[TaskFigures]) -> tuple[float | None, float | None]:
    """Return the most that noise costs on average over tasks, at any level, price and state, and on any one task."""
    means, worst = [], []
    for price in _prices(tasks):
        for how in ("known", "stranger"):
            extra = [each for task in tasks if (each := task.extra(price, how)) is not None]
            if extra:
                means.append(float(np.mean(extra, axis=0).max()))
                worst.append(float(np.max(extra)))
    return (round(max(means), 5), round(max(worst), 5)) if means else (None, None)


def _called_better(tasks: Sequence[TaskFigures]) -> list[bool]:
    """Return of every interval of the multiplier of noise, a task, price, state and level each, whether it is above 1.

    An interval holds 95% of bootstrap samples of the questions.
    """
    above = []
    for task in tasks:
        for (kind, _, heard), arm in task.white.items():
            if kind != "noise" or heard == "oracle":
                continue
            for level in REWARDED:
                logs = task.black.log_costs(level) - arm.log_costs(level)
                samples = np.random.default_rng(0).integers(len(logs), size=(RESAMPLES, len(logs)))
                above.append(bool(np.quantile(logs[samples].mean(1), 0.025) > 1e-9))
    return above


def figures_of(cells: Iterable[Cell], split: Callable[[Sequence[TaskFigures]], Any] = summary) -> dict[str, Any]:
    """Return the summary of every group that has cells, and the figures of every task.

    Args:
        cells: of any groups and tasks; a task without the black-box arm's cell is left out.
        split: what is said of the tasks of a group.
    """
    by_task: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        by_task[cell["group"], cell["task"]].append(cell)
    tasks: dict[str, list[TaskFigures]] = defaultdict(list)
    for (group, _), members in sorted(by_task.items()):
        if any(cell["kind"] == ALONE for cell in members):
            tasks[group].append(TaskFigures(members))
    return {
        "summary": {group: split(members) for group, members in tasks.items()},
        "tasks": {group: {task.task: task.to_json() for task in members} for group, members in tasks.items()},
    }
