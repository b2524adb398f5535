"""Writes the tables of the README and of the documentation from committed results.

    python docs/write_tables.py                                                # all of them, each in its place
    python docs/write_tables.py library results/library docs/methods.md        # one, from these results into this page

A table stands between two comments, and nothing else of the file is touched.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from istar.audit import audit_from_json
from istar.reports.audit import task_table
from istar.reports.scores import library_table, read_scores
from istar.tasks import task as task_called


def _tasks(audit: Path) -> str:
    """Return the table of the audit, with families audited after it, or once more, in files of their own.

    Splits are those of today.
    """
    paths = [audit, *sorted(audit.parent.glob(f"{audit.stem}-*.json"))]
    first, *later = [audit_from_json(json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    known = {asked.summary.name: asked for each in (first, *later) for asked in each.tasks}
    tasks = [
        replace(each, summary=replace(each.summary, split=task_called(name).split)) for name, each in known.items()
    ]
    return task_table(replace(first, tasks=tuple(tasks)))


def _library(folder: Path) -> str:
    return library_table(read_scores(sorted(folder.glob("scores-*.json"))))


def _study(folder: Path) -> str:
    """Return what I* and the methods beside it save on every task of the sealed test, and what could be saved."""
    first, *others = json.loads((folder / "test.json").read_text(encoding="utf-8"))["methods"]
    audit = audit_from_json(json.loads((folder.parent / "audit.json").read_text(encoding="utf-8")))
    within = {each.summary.name: each.room.reachable["forward"] for each in audit.tasks}
    lines = ["| task | reachable by one look | I* | best other method | and its multiplier |", "|---|---|---|---|---|"]
    for task in first["tasks"]:
        name = task["task"]
        beside = {each["method"]: _multiplier(each, name) for each in others}
        best = max((each for each in beside if beside[each]), key=lambda each: beside[each]["estimate"])
        saving = beside[best]["estimate"] > 1
        lines.append(
            f"| `{name}` | {within[name]:.3g} | {_interval(_multiplier(first, name))} | "
            f"{f'`{best}`' if saving else 'none saves'} | {_interval(beside[best]) if saving else ''} |"
        )
    return "\n".join(lines)


def _runs(folder: Path) -> str:
    """Return what each search of the study found: its best method in training, and I* at every stage."""
    lines = [
        "| run | researcher | seed | methods | best in training | reward | round | I* | train | validation | test |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in json.loads((folder / "comparison.json").read_text(encoding="utf-8"))["runs"]:
        kind = f"{run['researcher']}, shuffled rewards" if run["shuffled"] else run["researcher"]
        best, leader = run["best"], run["leader"]
        rose = 1 + run["progress"].index(run["progress"][-1]) if leader else None
        rewards = [best["rewards"].get(stage) if best else None for stage in ("train", "validation", "test")]
        lines.append(
            f"| `{run['run']}` | {kind} | {run['seed']} | {run['methods']} | "
            f"{_method(leader)} | {_reward(leader and leader['rewards']['train'])} | {rose or ''} | {_method(best)} | "
            f"{' | '.join(map(_reward, rewards))} |"
        )
    return "\n".join(lines)


def _scripted(result: Path) -> str:
    """Return what became of each method that the scripted model wrote."""
    found = _read(result)
    lines = ["| round | method | made by | replies | training reward | I* |", "|---|---|---|---|---|---|"]
    named = {"": "a whole file", "last": "mending its own file"}
    for number, each in enumerate(found["rounds"]):
        made = named.get(each["edited"], f"editing `{_edited(found, each['edited'])}`")
        best = "new best" if each["best"] else "validated" if each["stage"] == "validation" else ""
        lines.append(
            f"| {number} | {each['name']} | {made} | {each['replies']} | {each['training_reward']:+.3f} | {best} |"
        )
    return "\n".join(lines)


def _edited(found: dict[str, Any], method: str) -> str:
    """Return the name of what was edited: a method of the library, or one of the search by digits of its hash."""
    return next((each["name"] for each in found["rounds"] if each["hash"].startswith(method)), method)


def _method(judged: dict[str, Any] | None) -> str:
    return "none" if judged is None else f"`{judged['name']}`"


def _reward(reward: dict[str, float] | None) -> str:
    return "" if reward is None else f"{reward['reward']:+.3f}".replace("-0.000", "+0.000")


def _multiplier(method: dict[str, Any], task: str) -> dict[str, Any] | None:
    return next((each["multipliers"][LEVEL] for each in method["tasks"] if each["task"] == task), None)


def _interval(multiplier: dict[str, Any] | None, exact: bool = False) -> str:
    """Return a multiplier with its interval, or alone where that has no width; `exact` shows both, to two decimals."""
    if multiplier is None:
        return "failed"
    if exact:
        return f"{multiplier['estimate']:.2f} ({multiplier['low']:.2f} to {multiplier['high']:.2f})"
    if multiplier["low"] == multiplier["high"]:
        return f"{multiplier['estimate']:.3g}"
    return f"{multiplier['estimate']:.3g} ({multiplier['low']:.3g} to {multiplier['high']:.3g})"


def _costs(result: Path) -> str:
    """Return what some methods cost and say on one question of each task."""
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for each in _read(result)["rows"]:
        rows.setdefault(each["method"], {})[each["task"]] = each
    tasks = list(next(iter(rows.values())))
    lines = [
        "| method |" + "".join(f" `{task}`: cost | correlation | within queries |" for task in tasks),
        "|---|" + "---|---|---|" * len(tasks),
    ]
    for method, on in rows.items():
        cells = "".join(
            f" {on[task]['share']:.1%} | {on[task]['correlation']:.2f} | {on[task]['within_nuisance']:.2f} |"
            for task in tasks
        )
        lines.append(f"| `{method}` |{cells}")
    return "\n".join(lines)


def _figures(folder: Path) -> str:
    """Return the README's figures: what I* saves, met and unmet, and what the rest can do.

    I* of the published search is a method of the library, and its figure on a task of the search is the library's.
    """
    star = next(each for each in _read(folder / "smollm2-135m" / "comparison.json")["test"] if each["name"] == STAR)
    scores = _read(folder / "library" / f"scores-{STAR_IN_LIBRARY}-train.json")[0]
    if star["method"] != scores["summary"]["method_hash"]:
        sys.exit(f"I* of the published search is not {STAR_IN_LIBRARY} of the library; name another in STAR_IN_LIBRARY")
    library = read_scores(sorted((folder / "library").glob("scores-*.json")))
    opened = read_scores(sorted((folder / "library" / "v1").glob("scores-test-*.json")))
    tested = [each for each in opened if each.method in {found.method for found in library}]
    above = [each for each in tested if each.multiplier is not None and (each.multiplier[1] or 0.0) > 1]
    attacks = _read(folder / "trust.json")["attacks"]["walls"]
    benchmarks = folder.parent / "benchmarks" / "results"
    leads = _leads(_read(benchmarks / "black_box_arm.json"))
    faster = _read(benchmarks / "search_loop.json")["times_faster"]
    summary = _read(benchmarks / "responsiveness.json")["summary"]
    heard = {group: said["truth_multiplier"] for group, said in summary.items() if isinstance(said, dict)}
    jails = {each: f"{of['held']} of {of['tried']}" for each, of in attacks.items() if each != "fence"}
    lines = [
        "| on SmolLM2-135M | measured |",
        "|---|---|",
        f"| times fewer FLOPs with I*, for skill {LEVEL} on `{KNOWN}`, which the search trained on | "
        f"**{_interval(_multiplier(scores, KNOWN), exact=True)}** |",
        f"| the same on the {star['families']} families of its sealed test; methods of the library with an interval "
        "above 1 there | "
        f"**{_interval(star['multipliers']['overall'][LEVEL], exact=True)}**; {len(above)} of {len(tested)} |",
        "| mean skill of the executor without a method, beside the best published estimator at equal FLOPs | "
        f"ahead on {sum(lead > 0 for lead in leads)} of {len(leads)} kinds of questions, by {min(leads):.2f} or more |",
        "| times fewer FLOPs with a method that knows the truth, for 0.1% of brute force, on "
        f"{', '.join(heard)} questions | {', '.join(f'{times:.1f}' for times in heard.values())} |",
        f"| rounds of search an hour, against a literal implementation of the protocol | {faster:.0f} times as many |",
        f"| attacks held by the jail | {'; '.join(f'{WALLS[each]}: {held}' for each, held in jails.items())} |",
    ]
    return "\n".join(lines)


LEVEL = "0.8"
STAR, STAR_IN_LIBRARY, KNOWN = "influence", "gradient_influence", "active_learning/kinds"
WALLS = {"fence": "fence", "bubblewrap": "bubblewrap", "landlock": "Landlock"}


def _leads(result: dict[str, Any]) -> list[float]:
    """Return by how much mean skill the black-box arm is ahead of the best other, for each kind of questions."""
    return [
        min(each["lead_of_black_box_arm"] for name, each in arms.items() if name != "black-box arm")
        for arms in result.values()
        if isinstance(arms, dict) and "black-box arm" in arms
    ]


def _walls(result: Path) -> str:
    """Return how many attacks each wall held, and how they ended."""
    walls = _read(result)["attacks"]["walls"]
    ends = [end for end in dict.fromkeys(end for each in walls.values() for end in each) if end not in COUNTED]
    head = ["wall", "attacks", "held", *ends, "known open"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for wall, each in walls.items():
        counts = [each["tried"], each["held"], *(each.get(end, "") for end in ends), each["known open"] or ""]
        lines.append(f"| {WALLS[wall]} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines)


COUNTED = ("tried", "held", "known open")


def _rounds(rounds: Path) -> str:
    """Return how many attacks each round had, which kinds succeeded at first, and what was done about them."""
    lines = ["| round | against | tried | succeeded at first | mended |", "|---|---|---|---|---|"]
    for each in _read(rounds)["rounds"]:
        found = each["first successes"]
        kinds = [f"{kind['kind']} ({len(kind['attacks'])}{_factor(kind)})" for kind in found] or ["nothing"]
        mended = [kind["mended"] for kind in found]
        about = "; ".join(kinds), "; ".join(dict.fromkeys(mended))
        lines.append(f"| {each['round']} | {each['against']} | {each['tried']} | {about[0]} | {about[1]} |")
    return "\n".join(lines)


def _factor(kind: dict[str, Any]) -> str:
    return f", up to {kind['times too cheap']:,} times too cheap" if "times too cheap" in kind else ""


def _withstood(result: Path) -> str:
    """Return what else was tried, and how it went."""
    found = _read(result)
    intervals, adversary = found["statistics"]["intervals"].values(), found["statistics"]["adversary"]
    guarded, bare = (adversary["standard_errors_gained"][each]["mean"] for each in ("through the guard", "without it"))
    honest, witness = found["attacks"]["honest"], found["witness"]
    memorised = found["statistics"]["memorised"]["best_of"]
    posterior, faults = found["posterior"], found["faults"]
    held = [each["held"] for each in intervals]
    tasks = [each["held"] for each in posterior["tasks"].values()]
    kills = {workers: each["kills"] for workers, each in faults["kills"].items()}
    wrong = sum(len(each["faults"]) for each in (faults, found["guided"], *(faults[of] for of in ("damage", "inputs"))))
    wrong += sum(len(each["faults"]) for each in faults["kills"].values())
    lines = [
        f"- **Statistics, simulated.** Intervals that claim 95% hold the truth in {_ends(held)} of evaluations; noise "
        f"is called better than no method in at most {max(each['above'] for each in intervals if each['null']):.1%}.",
        f"- **Asking validation again and again.** An adversary who has only noise gains {guarded:.2f} standard errors "
        f"in {adversary['queries']:,} queries through the guard, and {bare:.1f} without it.",
        f"- **Marks of memorised answers.** Of methods that know none, {memorised['1']:.1%} are marked; of those that "
        f"were the best of 24 on the committed questions {memorised['24']:.1%}, of 72 {memorised['72']:.1%}: what was "
        "chosen by luck does worse on fresh ones.",
        f"- **Processor time.** {witness['honest']['tried']} recordings of honest methods, the whole library among "
        f"them, idle and beside four busy processes: {len(witness['honest']['flagged'])} flagged. "
        f"{witness['hiding']['tried']} that compute in Python for half as long again as may be unexplained: "
        f"{len(witness['hiding']['missed'])} missed.",
        f"- **The executor's own intervals.** Stated at {posterior['claimed']:.0%}, they hold the truth in "
        f"{posterior['held']:.1%} of cases on {len(tasks)} training tasks ({_ends(tasks)} by task), each question "
        f"held out. Without the factor that widens them it would be {posterior['before']:.1%}.",
        f"- **Kills.** {sum(kills.values())} of searches ({', '.join(f'{n} by {of}' for of, n in kills.items())}), "
        f"**damage** to {faults['damage']['damaged']:,} files, {faults['inputs']['tried']:,} **mutated inputs** to "
        f"{len(faults['inputs']['ends'])} loaders and {found['guided']['tried']:,} grown by coverage: "
        + (
            f"**{wrong} faults**."
            if wrong
            else "nothing was lost, counted twice or read wrongly, and everything ended in "
        )
        + ("" if wrong else "a result or in an error that says what to do."),
        f"- **Honest methods.** {len(honest['flagged'])} of {honest['tried']} runs of unusual methods that do nothing "
        "wrong were flagged.",
    ]
    return "\n".join(textwrap.fill(line, 120, subsequent_indent="  ", break_on_hyphens=False) for line in lines)


def _forecasts(folder: Path) -> str:
    """Return what each preset forecasts, and what its inputs do."""
    lines = [
        "| | median | 66% interval | of the variance: needed hours | doubling | start |",
        "|---|---|---|---|---|---|",
    ]
    moved = ""
    for name in ("document", "metr-2026"):
        found = _read(folder / f"{name}.json")
        shares = {each["name"]: f"{each['variance']:.0%}" for each in found["sensitivities"]}
        effects = (shares.get(each, "known") for each in ("needed_hours", "doubling_days", "start_hours"))
        year = f"{found['low']:.1f} to {found['high']:.1f}"
        lines.append(f"| `{name}` | {found['median']:.1f} | {year} | {' | '.join(effects)} |")
        words = " and ".join(f"`{each}` by {years:+.2f} years" for each, years in found["moves"].items())
        moved = words and f"From the document's, `{name}` moves the median: {words}."
    return "\n".join([*lines, "", moved])


def _plateaus(result: Path) -> str:
    """Return what the rule and a counter without fresh questions did in simulated searches."""
    found = _read(result)
    lines = [
        "| the search | stopped while it improved | of the waits for an improvement | rounds after the last | level |",
        "|---|---|---|---|---|",
    ]
    for name, each in found["cases"].items():
        rule, counter = each["rule"], each["counter"]
        pairs = (
            (f"{rule['stopped']:.0%}", f"{counter['stopped']:.0%}"),
            (f"{rule['waits']:.1%}", f"{counter['waits']:.1%}"),
            tuple("–" if of["rounds_after"] is None else f"{of['rounds_after']:.0f}" for of in (rule, counter)),
            tuple("–" if of["level_error"] is None else f"{of['level_error']:+.1f}" for of in (rule, counter)),
        )
        lines.append(f"| {name} | {' | '.join(f'{one}, {other}' for one, other in pairs)} |")
    return "\n".join(lines)


def _published(folder: Path) -> str:
    """Return what the study's searches say of a plateau, and what of it their ledgers lack."""
    lines = [
        "| run | rounds | training rewards rose last in | and since then not for | "
        "to be scored again, at the least | were scored | can it be said? |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in _read(folder / "plateaus.json")["runs"]:
        rounds, last, known = each["rounds"], each["rises"][-1], each["scored_on_fresh_questions"]
        if each["basis"] == "fresh":
            said = "yes: it has stopped" if each["reached"] else "yes: not yet"
        elif rounds < each["needed"]:
            said = f"no: {each['needed']} rounds are needed"
        else:
            said = "no: fresh scores are missing"
        lines.append(
            f"| `{each['run']}` | {rounds} | round {last} | {rounds - last} rounds | {len(each['rises'])} | {known} | "
            f"{said} |"
        )
    return "\n".join(lines)


def _ends(shares: list[float]) -> str:
    return f"{min(shares):.1%} to {max(shares):.1%}"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _planted(result: Path) -> str:
    """Return what planted methods are worth in bits, by how many questions of a task share their length."""
    found = _read(result)
    counts = list(next(iter(found["methods"].values()))["mdl_by_questions_of_a_task"])
    head = [
        "planted",
        "bits of I(M)",
        "saved, seen tasks",
        "unseen",
        "`log`",
        *(f"`mdl`, {int(each):,}" for each in counts),
    ]
    lines = ["| " + " | ".join([*head, "paid after"]) + " |", "|---" * (len(head) + 1) + "|"]
    for name, each in found["methods"].items():
        saved, after = each["saved_bits_a_question"], each["pays_after_questions_of_a_task"]
        cells = [f"`{name}`", f"{each['interpretation_bits']:,}", _whole(saved["seen"]), _whole(saved["unseen"])]
        cells.append(f"{each['rewards']['all']['log']:+.2f}")
        cells += [_whole(bits) for bits in each["mdl_by_questions_of_a_task"].values()]
        lines.append("| " + " | ".join([*cells, "never" if after is None else _whole(after)]) + " |")
    return "\n".join(lines)


def _bits(result: Path) -> str:
    """Return what methods of the library are worth in bits, the most saved first."""
    found = _read(result)
    lines = [
        "| method | bits of source | of I(M) | digits needed | I(M) at these | saved a question | paid after | `log` |",
        "|---|---|---|---|---|---|---|---|",
    ]
    measured = {name: each for name, each in found["methods"].items() if "rewards" in each}
    for name, each in sorted(measured.items(), key=lambda pair: (-pair[1]["saved_bits_a_question"], pair[0])):
        whole, few, after = each["interpretation_bits"], each["interpretation_bits_at_these"], each["pays_after"]
        digits = (each["digits_needed"] or "all") if whole else ""
        lines.append(
            f"| `{name}` | {each['source_bits']:,} | {whole:,} | {digits} | {few:,} | "
            f"{each['saved_bits_a_question']:+,.1f} | {'never' if after is None else _whole(after)} | "
            f"{each['rewards']['log']:+.3f} |"
        )
    return "\n".join(lines)


def _agreements(result: Path) -> str:
    """Return rank correlations of bits with other rewards, over methods."""
    found = _read(result)["agreements"]
    names = list(next(iter(found.values())))
    lines = ["| | " + " | ".join(f"`{name}`" for name in names) + " |", "|---" * (len(names) + 1) + "|"]
    for line, ranks in found.items():
        cells = ["" if ranks[name] is None else f"{ranks[name]:+.2f}" for name in names]
        lines.append(f"| {line} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


SCENARIOS = ("decompilation", "decomposition", "heads", "functional", "other")


def _odds(folder: Path) -> str:
    """Return what the published run's evidence says of the scenarios, and the odds."""
    found = _read(folder / "main.json")
    lines = ["| | value | " + " | ".join(SCENARIOS) + " |", "|---" * (len(SCENARIOS) + 2) + "|"]
    for name, each in found["evidence"].items():
        ratios = found["ratios_by_measure"].get(name)
        cells = ["1"] * len(SCENARIOS) if ratios is None else [f"{ratio:.2g}" for ratio in ratios.values()]
        value = "not measured"
        if ratios is not None:
            ends = ["never" if each[end] is None else f"{each[end]:.2f}" for end in ("value", "low", "high")]
            value = f"{ends[0]} ({ends[1]} to {ends[2]})"
        lines.append(f"| `{name}` | {value} | " + " | ".join(cells) + " |")
    for title, row in (("prior", found["priors"]), ("**odds**", found["odds"])):
        lines.append(f"| {title} | | " + " | ".join(f"{each:.0%}" for each in row.values()) + " |")
    return "\n".join(lines)


def _recognised(result: Path) -> str:
    """Return what planted methods are taken for by the table of the other seeds."""
    found = _read(result)
    seeds = len(found["cases"])
    head = ["planted", "scenario", *(f"named {name}" for name in SCENARIOS), "mean probability of its own"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for kind, each in found["left_out"].items():
        cells = [f"{count} of {seeds}" if count else "" for count in each["named"]]
        lines.append(
            f"| `{kind}` | {each['scenario']} | " + " | ".join(cells) + f" | {each['probability_of_its_own']:.0%} |"
        )
    exact = found["exact_language"]
    cells = ["yes" if number == exact["scenario"] else "" for number in range(1, len(SCENARIOS) + 1)]
    lines.append("| the language of `tiny-exact` | 1 | " + " | ".join(cells) + f" | {exact['odds']['1']:.0%} |")
    return "\n".join(lines)


def _whole(value: float) -> str:
    return f"{value:,.0f}".replace("-0", "0") if abs(value) < 0.5 else f"{value:,.0f}"


TABLES: dict[str, tuple[Callable[[Path], str], str, str]] = {
    "figures": (_figures, "results", "README.md"),
    "tasks": (_tasks, "results/audit.json", "docs/tasks.md"),
    "costs": (_costs, "benchmarks/results/method_library.json", "docs/methods.md"),
    "library": (_library, "results/library", "docs/methods.md"),
    "walls": (_walls, "results/trust.json", "docs/trust.md"),
    "rounds": (_rounds, "tests/attacks/rounds.json", "docs/trust.md"),
    "withstood": (_withstood, "results/trust.json", "docs/trust.md"),
    "forecasts": (_forecasts, "results/uses/forecast", "docs/forecast.md"),
    "plateaus": (_plateaus, "results/uses/forecast/plateau.json", "docs/forecast.md"),
    "published": (_published, "results/smollm2-135m", "docs/forecast.md"),
    "planted": (_planted, "results/uses/planted-lengths.json", "docs/description_length.md"),
    "bits": (_bits, "results/uses/description-length-tiny-exact.json", "docs/description_length.md"),
    "agreements": (_agreements, "results/uses/description-length-tiny-exact.json", "docs/description_length.md"),
    "odds": (_odds, "results/uses/scenario", "docs/scenarios.md"),
    "recognised": (_recognised, "results/uses/scenario/planted.json", "docs/scenarios.md"),
    "runs": (_runs, "results/smollm2-135m", "results/smollm2-135m/README.md"),
    "scripted": (_scripted, "results/language_model/search.json", "results/README.md"),
    "study": (_study, "results/smollm2-135m", "results/smollm2-135m/README.md"),
}
"""By name: what makes a table, of which results, and the page it stands on, both from the project's root."""


def page(name: str, results: Path, document: Path) -> str:
    """Return a page with a table made of results between its comments."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = document.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        sys.exit(f"{document} must hold {begin} and {end} once each; the table goes between them")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    return f"{before}{begin}\n{TABLES[name][0](results)}\n{end}{after}"


def places() -> Iterator[tuple[str, Path, Path]]:
    """Yield each table's name, its results and its page."""
    root = Path(__file__).parents[1]
    for name, (_, results, document) in TABLES.items():
        yield name, root / results, root / document


def main(name: str, results: str | Path, document: str | Path) -> None:
    """Replace what stands between the comments of a table by the table that results make."""
    Path(document).write_text(page(name, Path(results), Path(document)), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        for place in places():
            main(*place)
    elif len(sys.argv) == 4 and sys.argv[1] in TABLES:
        main(*sys.argv[1:])
    else:
        sys.exit(f"usage: python docs/write_tables.py [{'|'.join(TABLES)} RESULTS DOCUMENT]")
