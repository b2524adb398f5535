"""The audit as one self-contained HTML page, and as the table of tasks in `docs/tasks.md`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from istar.audit import Audit, TaskAudit
from istar.files import write_whole
from istar.reports import words
from istar.reports.pages import templates

WIDTH, HEIGHT = 150, 44
SPLITS = {
    "train": "Training",
    "validation": "Validation",
    "test": "Test (sealed)",
    "use": "For use only, barred from every reward",
}


def write_audit(audit: Audit, path: Path) -> Path:
    """Write the audit's page and return its path; folders are made."""
    write_whole(path, render_audit(audit).encode())
    return path


def render_audit(audit: Audit) -> str:
    """Return the page as text."""
    environment = templates()
    environment.filters.update(share=share, figure=figure)
    environment.globals.update(curve=_curve)
    kept = [each for each in audit.tasks if each.summary.status == "active"]
    return environment.get_template("audit.html.j2").render(
        audit=audit,
        splits={split: _of(audit.tasks, split) for split in SPLITS if _of(audit.tasks, split)},
        split_names=SPLITS,
        kept=len(kept),
        dropped=sum(each.summary.status == "dropped" for each in audit.tasks),
        barred=sum(each.summary.status == "use only" for each in audit.tasks),
        families=len({each.summary.family for each in kept}),
        marked=sum(bool(each.marks) for each in kept),
    )


def _of(tasks: Sequence[TaskAudit], split: str) -> list[TaskAudit]:
    return [each for each in tasks if each.summary.split == split]


def share(value: float) -> str:
    """Return a share of brute force as a fraction for people, such as `1/37`."""
    return f"1/{1 / value:.0f}" if value < 1 / 3 else f"{value:.2f}"


def figure(value: float | None, digits: int = 2) -> str:
    """Return a number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def _curve(task: TaskAudit) -> Markup:
    """Return the black-box arm's efficiency curve as a small picture; dotted lines at skill 0, 0.5 and 1."""
    dear = task.dearness
    first = math.log(dear.budgets[0])

    def point(budget: float, skill: float) -> str:
        x = 2 + (WIDTH - 4) * (1 - math.log(budget) / first)
        return f"{x:.1f},{3 + (HEIGHT - 6) * (1 - (max(skill, -0.2) + 0.2) / 1.2):.1f}"

    line = " ".join(point(budget, skill) for budget, skill in zip(dear.budgets, dear.skill, strict=True))
    grid = "".join(
        '<line x1="0" x2="{}" y1="{}" y2="{}"/>'.format(WIDTH, *[point(1.0, level).split(",")[1]] * 2)
        for level in (0.0, 0.5, 1.0)
    )
    start = share(dear.budgets[0])
    label = f"skill of the black-box arm on {task.summary.name} from {start} of brute force to all of it"
    return Markup(
        '<svg class="curve" width="{}" height="{}" role="img" aria-label="{}">{}<polyline points="{}"/></svg>'
    ).format(WIDTH, HEIGHT, label, Markup(grid), line)


def task_table(audit: Audit) -> str:
    """Return the tasks as a Markdown table, a line a family."""
    lines = [
        "| split | family | tasks | questions | brute force | for skill 0.8 | one look | reachable | with a gradient "
        "| reliability |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    families = dict.fromkeys((each.summary.split, each.summary.family) for each in audit.tasks)
    for split, family in sorted(families, key=lambda each: list(SPLITS).index(each[0])):
        mine = [each for each in audit.tasks if each.summary.family == family]
        names = ", ".join(
            f"`{each.summary.name.partition('/')[2]}`" + (" (dropped)" if each.summary.status == "dropped" else "")
            for each in mine
        )
        questions = sum(each.summary.questions for each in mine)
        brute = [each.summary.brute_flops for each in mine]
        needed = [each.dearness.share[0.8] for each in mine]
        look = [each.room.one_look["forward"] for each in mine]
        reach = {name: [each.room.reachable[name] for each in mine] for name in ("forward", "gradient")}
        reliability = [each.summary.reliability for each in mine if each.summary.reliability is not None]
        lines.append(
            f"| {split} | `{family}` | {names} | {questions} | {_span([words.flops(each) for each in _ends(brute)])} | "
            f"{_span([share(each) for each in _ends(needed)])} | {_span([share(each) for each in _ends(look)])} | "
            f"{_span([f'{each:.1f}' for each in _ends(reach['forward'])])} | "
            f"{_span([f'{each:.1f}' for each in _ends(reach['gradient'])])} | "
            f"{_span([f'{each:.2f}' for each in _ends(reliability)])} |"
        )
    return "\n".join(lines)


def _ends(values: Sequence[float]) -> list[float]:
    return [min(values), max(values)] if values else []


def _span(ends: Sequence[str]) -> str:
    return " to ".join(dict.fromkeys(ends)) or "-"
