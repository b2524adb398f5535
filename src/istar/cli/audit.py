"""`istar tasks audit`: are the tasks dear to predict, cheap to check, and open to acceleration?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from istar.cli.app import command, notes, output, print_json, table
from istar.cli.options import AsJson, OtherTarget
from istar.cli.tasks import tasks

if TYPE_CHECKING:
    from istar.audit import Audit
    from istar.audit.leaks import Tokens
    from istar.tasks import Task
    from istar.truth import Verification


@command(
    "istar tasks audit",
    "istar tasks audit train --recompute 0.01 --html audit.html",
    "istar tasks audit --methods scores/*.json",
    of=tasks,
)
def audit(
    names: Annotated[list[str] | None, Parameter(help="Tasks, families or splits; all if none.", negative="")] = None,
    /,
    *,
    target: OtherTarget = None,
    methods: Annotated[
        list[Path] | None,
        Parameter(
            name="--methods",
            negative="",
            consume_multiple=True,
            help="What `istar score` or `istar unseal` wrote as JSON; several after one flag, or the flag again.",
        ),
    ] = None,
    recompute: Annotated[float, Parameter(help="Share of the cells of each table to compute again; 0 for none.")] = 0.0,
    corpus: Annotated[bool, Parameter(help="Look for leaks into the corpus too; builds it if need be.")] = True,
    executor_seeds: Annotated[int, Parameter(help="Executor seeds of the black-box arm.")] = 2,
    out: Annotated[Path | None, Parameter(help="Write the figures to this file, as JSON.")] = None,
    html: Annotated[Path | None, Parameter(name="--html", help="Write a page to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure what makes a task good: how dear, how checkable, how much room; and what tasks share.

    Tasks that are not reliable are dropped; those that are cheap, or leave no room, are kept and marked.
    """
    from istar.tasks import select_tasks

    chosen = select_tasks(names or [])

    from istar.audit import audit_tasks, known_methods
    from istar.cli.progress import ticker
    from istar.files import check_destination, write_whole
    from istar.protocol.config import configure
    from istar.reports.audit import write_audit
    from istar.truth.verify import check_fraction

    config = configure("standard", executor_seeds=executor_seeds)
    if recompute:
        check_fraction(recompute)
    for path in filter(None, (out, html)):
        check_destination(path)
    known = known_methods(methods or [])
    with ticker("loading", None) as bar:
        corpora, verifications = _from_targets(chosen, target, recompute, corpus)
        bar.say("auditing", len(chosen))
        found = audit_tasks(
            chosen,
            target=target,
            known=known,
            corpora=corpora,
            verifications=verifications,
            config=config,
            progress=lambda name: bar.step(f"auditing {name}"),
        )
    if out is not None:
        write_whole(out, (json.dumps(found.to_json(), indent=1) + "\n").encode())
    if html is not None:
        notes.tell(f"the page is {write_audit(found, html)}")
    if as_json:
        print_json(found.to_json())
    else:
        _show(found)


def _from_targets(
    chosen: tuple[Task, ...], target: str | None, recompute: float, corpus: bool
) -> tuple[dict[str, tuple[Tokens, ...]], dict[str, list[Verification]]]:
    """Return what takes a loaded target: its corpus, and recomputed cells."""
    from istar.cli.truth import by_target
    from istar.protocol.config import SearchConfig
    from istar.seeds import Seed
    from istar.targets import build_corpus, load_target
    from istar.truth import MissingTruthError, load_tables, verify_table

    config = SearchConfig()
    corpora: dict[str, tuple[Tokens, ...]] = {}
    verifications: dict[str, list[Verification]] = {}
    for name, theirs in by_target(chosen, target).items() if corpus or recompute else ():
        loaded = load_target(name)
        if corpus:
            size = (config.corpus_sequences, config.corpus_length)
            corpora[name] = build_corpus(loaded, *size, Seed.root(config.environment_seed)).tokens
        for task in theirs if recompute else ():
            try:
                tables = load_tables(task, loaded)
            except MissingTruthError:
                continue
            verifications[task.name] = [verify_table(loaded, each, recompute) for each in tables]
    return corpora, verifications


def _show(found: Audit) -> None:
    from istar.reports.audit import figure, share
    from istar.rewards import LEVELS

    columns = [f">skill {level:g} at" for level in LEVELS]
    shown = table(
        "Audit",
        "task",
        "split",
        ">questions",
        *columns,
        ">reliability",
        ">wrong cells",
        ">one look",
        ">reachable",
        ">best known",
        "status",
    )
    for each in found.tasks:
        sound, room = each.soundness, each.room
        shown.add_row(
            each.summary.name,
            each.summary.split,
            str(each.summary.questions),
            *(share(each.dearness.share[level]) for level in LEVELS),
            f"{figure(sound.reliability)} ({figure(sound.low)} to {figure(sound.high)})",
            "-" if sound.largest_error is None else f"{sound.wrong} of {sound.recomputed}",
            f"{room.one_look['forward']:.1%}",
            f"{room.reachable['forward']:.1f} x ({room.reachable['gradient']:.1f} with gradients)",
            "-" if room.best_multiplier is None else f"{room.best_multiplier:.2f} x {room.best_method or ''}",
            each.summary.status + ("" if not each.marks else ", marked"),
        )
    output.show(shown)
    for each in found.tasks:
        for remark in (each.summary.reason, *each.marks):
            if remark:
                output.tell(f"{each.summary.name}: {remark}")
    for pair in found.redundant:
        output.tell(f"{pair.first} and {pair.second} rank methods alike (correlation {pair.correlation:.2f})")
    for leak in found.leaks:
        output.tell(f"leak: {leak.stretches} stretches of {leak.task} ({leak.share:.1%}) stand in {leak.place}")
    if found.missing:
        output.tell(f"no tables: {', '.join(found.missing)}")
