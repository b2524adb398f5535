"""The report of a run: one HTML page that holds everything it needs and opens without a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from markupsafe import Markup

from istar.chat import Exchange
from istar.executors.executor import CLAIMED
from istar.files import write_whole
from istar.ledger.reader import LedgerReader
from istar.ledger.schema import Stage
from istar.reports import figures, words
from istar.reports.conversations import Talk, talks
from istar.reports.findings import Champion, Findings, gather
from istar.reports.highlight import highlight
from istar.reports.pages import templates
from istar.rewards import REWARDS

HEADLINE_LEVEL = 0.8
KINDS: dict[Stage, str] = {
    "test": "the sealed test, task families that neither the researcher nor the choice of I* ever saw",
    "validation": "validation, task families it was not developed on but chosen by",
    "train": "the training families it was developed on",
}


def write_report(ledger: LedgerReader, run: str, path: str | Path, exchanges: Iterable[Exchange] = ()) -> Path:
    """Write the report of a run as one self-contained HTML page.

    Args:
        ledger: an open ledger; it is only read.
        run: name of the run.
        path: where the page goes; folders are made.
        exchanges: what was exchanged with language models in the run, if any was.

    Returns:
        The path.

    Raises:
        MissingRecordError: the ledger holds no such run.
    """
    findings = gather(ledger, run)
    page = render(findings, talks(exchanges, findings.proposals))
    target = Path(path)
    write_whole(target, page.encode())
    return target


def render(findings: Findings, conversations: Sequence[Talk] = ()) -> str:
    """Return the page as text; conversations with language models are shown where there are any."""
    from plotly.offline import get_plotlyjs

    champion = findings.champion
    return (
        templates()
        .get_template("report.html.j2")
        .render(
            findings=findings,
            champion=champion,
            verdicts=verdicts(findings),
            warnings=warnings(findings),
            headline=_headline(champion),
            source=None if champion is None else Markup(highlight(champion.source)),
            reward_formula=_formula(findings.run.config.reward),
            split_names=figures.SPLIT_NAMES,
            forest=None if champion is None or not champion.summaries else figures.forest(champion.summaries),
            efficiency=[]
            if champion is None
            else [(each, figures.efficiency(each)) for each in _by_hold_out(champion)],
            intervals=_intervals(champion),
            believed=[]
            if champion is None
            else [(each, each.believed, words.why(each.believed)) for each in _by_hold_out(champion) if each.believed],
            claimed=f"{CLAIMED:.0%}",
            rounds=figures.rounds(findings),
            plateau=None if findings.plateau is None else words.plateau(findings.plateau),
            learning=figures.learning(findings.entropies, findings.rounds) if findings.entropies else None,
            running_mean_rounds=figures.RUNNING_MEAN_ROUNDS,
            spending={}
            if champion is None
            else {what: figures.spending(champion, what) for what in _recorded(champion)},
            clock=figures.clock(findings.evaluations)
            if any(e.spending.cpu_seconds for e in findings.evaluations)
            else None,
            conversations=conversations,
            explained=_explained(findings),
            unknown=_unknown(findings),
            plotly_js=Markup(get_plotlyjs()),
            colours={"black": figures.BLACK_BOX, "white": figures.WHITE_BOX},
        )
    )


def verdicts(findings: Findings) -> list[str]:
    """Return what the run found, in sentences; the most trustworthy tasks first."""
    champion = findings.champion
    if champion is None:
        return ["No method came through training, so there is no I*."]
    sentences = []
    if not champion.validated:
        sentences.append("No method passed validation; shown is the one that did best in training.")
    for stage, kind in KINDS.items():
        if stage in champion.summaries:
            overall = champion.summaries[stage].overall
            sentences.append(words.verdict(overall.multipliers[HEADLINE_LEVEL], HEADLINE_LEVEL, kind))
    if "test" not in champion.summaries:
        sentences.append("The test is sealed: what I* is worth on families that played no part is not known yet.")
    return sentences


def warnings(findings: Findings) -> list[str]:
    """Return what a reader must know before trusting the figures."""
    found = []
    if findings.run.status != "finished":
        found.append("The search is not finished; figures may change.")
    if findings.run.machine.get("tier") == "plain" or findings.run.config.options.get("unsafe"):
        found.append("Methods ran without isolation (--unsafe); their counts could have been tampered with.")
    if findings.run.config.options.get("shuffled"):
        found.append(
            "This is a control: a coin decided on each question which arm was which, so the rewards that the search "
            "learned from say nothing about methods. Multipliers and curves below are not shuffled."
        )
    if before := words.tried(findings.tried):
        found.append(
            f"Besides the methods counted below, the researcher tried some on training questions before it proposed: "
            f"{before}. A search that tried none has seen less of them."
        )
    if again := [f"{family} {times} times" for family, times in findings.opened.items() if times > 1]:
        found.append(
            f"Families of the test were opened more than once, by the runs of this ledger: {', '.join(again)}. Each "
            "opening makes a family less of a test."
        )
    champion = findings.champion
    if champion is not None and champion.memorisation is not None and champion.memorisation.memorised:
        found.append(
            f"{champion.proposal.name} is marked as memorised: it {words.memorisation(champion.memorisation)}. It "
            "knows answers that are shipped, and what it earned in training and validation says nothing."
        )
    if champion is not None and "test" in champion.summaries and champion.draw is None:
        found.append(
            "The test asked questions with shipped tables. Their answers are public: a method whose source holds them "
            "would do as well. Tests on fresh questions are opened without --committed."
        )
    if champion is not None and any(
        summary.overall.multipliers[HEADLINE_LEVEL].censored for summary in champion.summaries.values()
    ):
        found.append(
            "Some questions' multipliers are only bounds: a level was reached before the first budget, or not within "
            "brute force. ≥ and ≤ mark figures that are bounds; ≈ those where bounds in both directions were mixed."
        )
    return found


def _headline(champion: Champion | None) -> Any:
    """Return the stage and comparison for the figures at the top of the page."""
    if champion is not None:
        for stage in KINDS:
            if stage in champion.summaries:
                return stage, champion.summaries[stage].overall
    return None


def _intervals(champion: Champion | None) -> list[tuple[Stage, str]]:
    """Return what is said of the executor's intervals, by stage, the most trustworthy first."""
    if champion is None:
        return []
    return [
        (stage, "; ".join(sentences))
        for stage in KINDS
        if stage in champion.intervals and (sentences := words.intervals(*champion.intervals[stage]))
    ]


def _by_hold_out(champion: Champion) -> list[Any]:
    order = list(KINDS)
    return sorted(champion.curves, key=lambda each: (order.index(each.stage), each.task))


def _recorded(champion: Champion) -> list[str]:
    return [what for what in ("by_op", "by_region") if champion.flops_by(what)]


def _explained(findings: Findings) -> dict[str, Any] | None:
    """Return how much of the workers' processor time the metered FLOPs explain, or None where it was not kept."""
    shares = [
        (max(0.0, share), each.task)
        for each in findings.evaluations
        if (share := each.spending.explained_share) is not None
    ]
    if not shares:
        return None
    least, task = min(shares)
    return {"median": median(share for share, _ in shares), "least": least, "task": task}


def _unknown(findings: Findings) -> dict[str, int]:
    total: Counter[str] = Counter()
    for evaluation in findings.evaluations:
        total.update(evaluation.spending.unknown)
    return dict(total.most_common())


def _formula(reward: str) -> str:
    return REWARDS.get(reward).formula if reward in REWARDS else ""
