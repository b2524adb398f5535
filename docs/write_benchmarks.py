"""Writes the page on benchmarks from the committed results, a section a result.

    python docs/write_benchmarks.py

Every figure of the page is read from `benchmarks/results`. A result without a section here is an error, so that none is
committed and never shown.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
BLACK_BOX = "black-box arm"

HEAD = """# Benchmarks

What istar's parts cost and how good they are, each by a script in `benchmarks/` whose result is committed beside it.
Comparisons are ratios measured side by side in one run; how busy the machine was is part of every result. This page is
written from the results by `python docs/write_benchmarks.py`. What methods save is in
[results](../results/README.md), what the figures withstand in [trust](trust.md), and what each task costs in
[tasks](tasks.md).
"""


def page() -> str:
    """Return the whole page.

    Raises:
        SystemExit: a result has no section.
    """
    found = {path.stem for path in RESULTS.glob("*.json")}
    if missing := found - set(SECTIONS):
        sys.exit(f"no section of docs/write_benchmarks.py shows {', '.join(sorted(missing))} of benchmarks/results")
    return HEAD + "".join(_section(name, title, write) for name, (title, write) in SECTIONS.items() if name in found)


def _section(name: str, title: str, write: Callable[[dict[str, Any]], str]) -> str:
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    caveats = [*result.get("caveats", ()), *([result["note"]] if "note" in result else ())]
    said = "".join(f"\n{each}\n" for each in caveats)
    source = f"[`{name}.py`](../benchmarks/{name}.py), [`{name}.json`](../benchmarks/results/{name}.json)"
    return _wrapped(f"\n## {title}\n\n{write(result)}\n{said}\n{source}; {_machine(result['machine'])}.\n")


def _wrapped(text: str) -> str:
    """Return text with its paragraphs, but no row of a table, broken into lines."""
    wrap = textwrap.TextWrapper(120, break_long_words=False, break_on_hyphens=False)
    return "\n".join(line if line.startswith("|") else wrap.fill(line) for line in text.split("\n"))


def _decimals(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # no negative zero


def _machine(machine: dict[str, Any]) -> str:
    threads = machine["torch_threads" if "torch_threads" in machine else "threads"]
    load = (
        f"load average {machine['load_average_1_minute']:g}"
        if "load_average_1_minute" in machine
        else f"load {machine['load_per_core_at_start']:g} a core"
    )
    processor = machine.get("processor", machine.get("cpu"))
    cores, of_torch = _count(machine["cores"], "core"), _count(threads, "thread")
    return f"{processor}, {cores}, {of_torch}, {load}, torch {machine['torch']}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(row) for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def _tasks(result: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the entries of a result that are a task's, those that hold `key`."""
    return {name: each for name, each in result.items() if isinstance(each, dict) and key in each}


def _meter(result: dict[str, Any]) -> str:
    rows = [
        (
            f"{each['batch']} × {each['length']}",
            f"`{each['mode']}`",
            str(each["pairs"]),
            f"{each['wall_overhead']:.1%}",
            " to ".join(f"{each['wall_overhead_quartiles'][place]:.1%}" for place in (0, 2)),
            f"{each['processor_overhead']:.1%}",
            f"{each['wall_overhead_of_passing_on']:.1%}",
            f"{each['goal']:.0%}",
            *([f"{each['other']['wall_overhead']:.1%}"] if "other" in each else []),
        )
        for each in result["results"]
    ]
    head = (
        "batch × tokens",
        "mode",
        "pairs of passes",
        "wall clock",
        "its quartiles",
        "processor time",
        "passing on",
        "goal",
    )
    if any("other" in each for each in result["results"]):
        head += ("wall clock of another build, in turns",)
    return (
        f"How much longer a forward pass of `{result['target']}` takes when every operation is counted, and where a "
        "mode only passes every operation on, which is what torch takes to reach Python at all:\n\n"
        + _table(head, rows)
    )


def _tables(result: dict[str, Any]) -> str:
    rows = [
        (
            f"`{each['task']}`",
            f"{each['rows']:,}",
            f"{each['unique_tokens']:,} of {each['tokens']:,}",
            f"{each['median']['padded_batches_processor_ratio']:.1f}",
            f"{each['median']['lm_eval_processor_ratio']:.1f}",
            f"{max(each['median'][f'{of}_largest_difference'] for of in ('padded_batches', 'lm_eval')):.1g}",
        )
        for each in result["tables"]
    ]
    head = (
        "table",
        "rows",
        "unique tokens",
        "padded batches",
        f"lm-eval {result['lm_eval']}",
        "greatest difference, nats",
    )
    return (
        "How many times less processor time a table takes packed by shared prefixes than in padded batches of Hugging "
        f"Face, and than in lm-eval's Hugging Face backend:\n\n{_table(head, rows)}"
    )


def _search_loop(result: dict[str, Any]) -> str:
    questions = ", ".join(f"{_count(number, 'question')} of `{task}`" for task, number in result["tasks"].items())
    hourly = result["rounds_per_hour"]
    same = "the same to the last bit" if result["same_rewards"] else "not the same"
    return (
        f"Rounds an hour of the search against a literal implementation of the protocol, which runs rows, methods and "
        f"baselines again in every round: {hourly['search']:.0f} to {hourly['literal']:.0f}, "
        f"**{result['times_faster']:.1f} times as many**. The search's first round, which pays for the baselines, goes "
        f"at {hourly['search_first_round']:.0f} an hour. {questions}, "
        f"{_count(result['executor_seeds'], 'executor seed')}, {_count(result['rounds'], 'round')} of the search, "
        f"{_count(len(result['literal_seconds']), 'literal round')}; rewards were {same}. What is left of a round is "
        "the method's own run."
    )


def _standard_runs(result: dict[str, Any]) -> str:
    tasks = ", ".join(f"{ratio:.1f} on `{task}`" for task, ratio in result["ratio_by_task"].items())
    methods = len({each["method"] for each in result["seconds"]})
    same = "the same to the last bit" if result["same_recordings"] else "not the same"
    return (
        f"Lenses recorded an hour where the streams of plain forwards are handed out instead of computed again: "
        f"**{result['ratio']:.1f} times as many** ({tasks}). {_count(methods, 'method')}, a question of each task, "
        f"{result['rows_fraction']:.0%} of the rows; channels and FLOPs were {same}."
    )


def _side_by_side(result: dict[str, Any]) -> str:
    same = "the same to the last bit" if result["same_recordings"] else "not the same"
    return (
        "Methods recorded an hour where what channels side by side say is put together from what each said alone: "
        f"**{result['ratio']:.1f} times as many** over {len(result['seconds'])} sentences by `{result['researcher']}`, "
        f"which meets most of its words for the first time there, and {result['ratio_in_the_second_half']:.1f} times "
        f"in the second half. {_count(result['questions'], 'question')} of `{result['tasks'][0]}`; recordings "
        f"were {same}."
    )


def _agents(result: dict[str, Any]) -> str:
    head = [
        "task",
        "chair",
        "method",
        "mean skill",
        "at 1/64",
        "at 1/16",
        "at 1/4",
        "its own FLOPs",
        "answers",
        "ended",
    ]
    rows = []
    for each in result["chairs"]:
        ends = " ".join(sorted({end.lower() for end in each["ends"]}))
        own = each.get("model_share_of_brute_force", each["own_share_of_brute_force"])
        rows.append(
            [
                f"`{each['task']}`",
                each["chair"],
                each["arm"],
                *(_skill(each[f"skill_at_{share}"]) for share in ("0.015625", "0.0625", "0.25")),
                f"{own:.1%}",
                f"{each['answers']:.1f}" if "answers" in each else "",
                ends,
            ]
        )
        rows[-1].insert(3, _skill(each["mean_skill"]))
    return (
        f"`{result['method']}` alone, agents and the statistician without it and with it, "
        f"{_count(result['questions'], 'question')} a task. Skill is the mean over questions, over all budgets and at "
        f"three shares of brute force; `{result['agent']}`, which is asked {result['agent_questions']} of them, writes "
        f"{result['replies']} replies to a question at most, "
        f"at temperature {result['temperature']:g}: as it is, charged as metered, and made to begin each reply as a "
        "call, by its parameters with an ideal prefix cache. The scripted agents are those of `istar.testing.agents`; "
        "`obedient` is shown rows that order an answer of 1000. An agent's own FLOPs are its tokens, as shares of "
        "brute force.\n\n" + _table(head, rows)
    )


def _skill(value: float) -> str:
    return _decimals(value) if value > -100 else f"{value:.1e}"


def _kills(result: dict[str, Any]) -> str:
    same = (
        "the same ledger as undisturbed, byte for byte" if result["same_ledger"] else "another ledger than undisturbed"
    )
    return (
        f"A search that takes {result['undisturbed_seconds']:.0f} seconds, killed with SIGKILL {result['kills']} times "
        f"at random moments and resumed, {result['kills_during_the_search']} of them during the search: {same}, "
        f"{result['ledger_lines']} lines. `make trust` kills far more ([trust](trust.md))."
    )


def _black_box(result: dict[str, Any]) -> str:
    tasks, rows = _tasks(result, BLACK_BOX), []
    for task, arms in tasks.items():
        best, *others = sorted((name for name in arms if name != BLACK_BOX), key=lambda name: -arms[name]["mean_skill"])
        rows.append(
            (
                f"`{task.partition(', ')[0]}`{task[len(task.partition(', ')[0]) :]}",
                _decimals(arms[BLACK_BOX]["mean_skill"]),
                f"{best} {_decimals(arms[best]['mean_skill'])}",
                "; ".join(f"{name} {_decimals(arms[name]['mean_skill'])}" for name in others),
            )
        )
    return (
        "Mean skill over all budgets, at equal FLOPs on the same tables, of the statistician without a method and of "
        f"published estimators; all training questions of a task, {_count(result['seeds'], 'seed')}:\n\n"
        + _table(("questions", BLACK_BOX, "best published estimator", "others"), rows)
    )


HEARD = {
    "truth_bought": ("the truth at 0.1%: bought", "{:.0%}"),
    "truth_multiplier": ("times fewer FLOPs for skill 0.8", "{:.1f}"),
    "attainable": ("attainable", "{:.1f}"),
    "heard_share": ("heard share, method known", "{:.2f}"),
    "heard_share_stranger": ("heard for the first time", "{:.2f}"),
    "noise_mean": ("noise, mean", "{:.2%}"),
    "noise_worst": ("noise, worst", "{:.2%}"),
    "harmed": ("harmed", "{:.1%}"),
    "slope_share": ("slope", "{:.0%}"),
}
"""Columns of the table on what is heard: by the name in a summary, the heading and the format."""


def _responsiveness(result: dict[str, Any]) -> str:
    groups = {name: said for name, said in result["summary"].items() if isinstance(said, dict)}
    rows = [
        (
            f"{name}, {_count(said['tasks'], 'task')}",
            *(_stated(said[field], written) for field, (_, written) in HEARD.items()),
            " / ".join(_stated(said["coverage"][how], "{:.0%}") for how in ("without", "with")),
        )
        for name, said in groups.items()
    ]
    head = ("questions", *(heading for heading, _ in HEARD.values()), "coverage without / with")
    order = list(dict.fromkeys(kind for asked in result["asked"].values() for kind in asked["kinds"]))
    kinds = sorted({kind for said in groups.values() for kind in said["by_kind"]}, key=order.index)
    heard = [
        (
            f"`{kind}`",
            *(
                " / ".join(_stated(said["by_kind"].get(kind, {}).get(how), "{:.2f}") for how in SHARES)
                for said in groups.values()
            ),
        )
        for kind in kinds
    ]
    prices = "; ".join(
        f"{name}: " + ", ".join(f"{price:.1%}" for price in asked["prices"]) for name, asked in result["asked"].items()
    )
    return (
        "What the executor makes of planted channels of known quality, "
        f"{_count(result['questions'], 'question')} a task, {_count(result['seeds'], 'seed')}, all channels for "
        f"these shares of brute force ({prices}). A heard share is the logarithm of the multiplier over what it is if "
        "the executor is told what the channels are worth on this very question, at prices of 1% and less. "
        "Attainable is the truth believed after its price and 1% of brute force, or 16 rows if that is more. "
        "Noise is what it costs more to reach a level of skill, as a share of brute force; harmed, how often "
        "informative channels make the answer dearer by a twentieth; slope, on how many tasks reward and "
        "fidelity have a rank correlation of 0.8; coverage, how often 95% intervals hold the truth. Derived "
        "questions ask every kind of functional of training tables."
        f"\n\n{_table(head, rows)}\n\nHeard shares by kind, method known / heard for the first time:\n\n"
        + _table(("channels", *groups), heard)
        + "\n\nBy task: the black-box arm on all questions, then multipliers at skill 0.8 of a known method:\n\n"
        + _table(
            TASK,
            (
                _told(*each, result["channels_tell"])
                for group in groups
                for each in sorted(result["tasks"][group].items())
            ),
        )
        + (_speed(result["speed"]) if "speed" in result else "")
    )


TASK = (
    "task",
    "brute force for 0.8",
    "least mean skill",
    "coverage",
    "the truth at 0.1%",
    "attainable",
    "told by an oracle",
    "rows at 0.95 at 1%",
    "candidates at 0.95 at 1%",
    "noise, most",
)


def _told(name: str, task: dict[str, Any], cell: list[str]) -> tuple[str, ...]:
    def times(kind: str, price: str, heard: str = "known") -> str:
        told = task["channels"].get(kind, {}).get(price, {}).get(heard)
        return _stated(None if told is None else told[cell.index("multiplier_0.8")], "{:.2f}")

    return (
        f"`{name}`",
        f"{task['black_box_share']['0.8']:.1%}",
        f"{task['black_box_least_skill']:+.2f}",
        _stated(task["coverage"]["without"], "{:.0%}"),
        times("truth", "0.001"),
        f"{task['attainable']:.2f}",
        times("truth", "0.001", "oracle"),
        times("rows-0.95", "0.01"),
        times("candidates-0.95", "0.01"),
        _stated(max(task["noise"].values(), default=None), "{:.2%}"),
    )


def _speed(speed: dict[str, Any]) -> str:
    return (
        "\n\nAnswers an hour to recorded methods, side by side with another build on one thread: "
        f"**{speed['answers_per_hour_ratio']:.1f} times as many**, with {speed['memory_gib']['this']:.1f} to "
        f"{speed['memory_gib']['other']:.1f} GiB of memory. {_count(speed['methods_on_tasks'], 'method')} on a task, "
        f"{_count(speed['questions'], 'question')} each; recordings are {speed['recordings']}."
    )


SHARES = ("heard_share", "heard_share_stranger")


def _stated(value: float | None, written: str) -> str:
    return "–" if value is None else written.format(value + 0.0)


def _start(result: dict[str, Any]) -> str:
    rows = [
        (
            f"`{command}`",
            f"{each['now']['median']:.2f} s",
            f"{each['now']['least']:.2f} to {each['now']['most']:.2f} s",
            f"{each['times_less']:.1f}",
        )
        for command, each in result["processor_seconds"].items()
    ]
    head = ("command", "processor time, median", "least to most", f"times less than at `{result['before']}`")
    return (
        "Processor time that commands take, side by side with another revision of the source, "
        f"{_count(result['times'], 'run')} of each; `istar tasks` with a data folder in which it ran already:\n\n"
        + _table(head, rows)
    )


def _forecast(result: dict[str, Any]) -> str:
    rows = [
        (name, *(f"{each['seconds'][of]:.2f} s" for of in ("median", "most")), f"{each['processor_seconds']:.2f} s")
        for name, each in result["measured"].items()
    ]
    return (
        f"A forecast with {result['draws']:,} draws of three uncertain inputs, with its sensitivities, "
        f"{_count(result['times'], 'run')} of each:\n\n"
        + _table(("", "median", "most", "processor time, median"), rows)
    )


def _derived_tails(result: dict[str, Any]) -> str:
    tasks = list(next(iter(result["methods"].values()))["tasks"])
    rows = []
    for name, each in result["methods"].items():
        cells = [f"`{name}`", f"{each['cap']:.0%}"]
        for task in tasks:
            found = each["tasks"].get(task)
            if found is None:
                cells += ["failed", ""]
                continue
            at = found["multipliers"]["0.8"]
            cells += [f"{found['heard']:.0%}", f"{at['estimate']:.2f} ({at['low']:.2f} to {at['high']:.2f})"]
        rows.append(tuple(cells))
    head = ["method", "cap"] + [each for task in tasks for each in (f"`{task}`: bought", "multiplier")]
    return (
        "The tail of a training stream, which no training family asks for and `loss_quantile` does in validation, with "
        "methods that fit the target from outside: in what share of answers each was bought, and its multiplier at "
        f"skill 0.8. {_count(result['questions'], 'question')} of each.\n\n" + _table(head, rows)
    )


def _red_moves(result: dict[str, Any]) -> str:
    rows = []
    for each in result["organisms"]:
        quick, own = each["quick"], each["own"]
        missed = f"{len(quick['missed'])} and {len(own['missed'])}"
        figures = (f"{quick['steps']} and {own['steps']}", f"{quick['training']} and {own['training']} s")
        times = (f"{each['times_faster']}", f"{each['times_faster_with_card']}")
        rows.append((f"`{each['name']}` ({each['kind']})", *figures, *times, missed))
    head = ("organism", "steps", "processor time of training", "times faster", "with the card", "claims missed")
    return (
        "Moves of a duel beside the library's own training of the same organisms, quick and own, one after another on "
        "one thread, held to the same claims on the same held-out items:\n\n" + _table(head, rows)
    )


def _score_time(result: dict[str, Any]) -> str:
    runs, look = result["runs"], result["first_look"]
    pairs = ((each["now"]["seconds"] / 60, each["before"]["seconds"] / 60) for each in runs)
    minutes = ", ".join(f"{now:.1f} to {before:.1f} minutes" for now, before in pairs)
    tasks = result["tasks"] if isinstance(result["tasks"], str) else ", ".join(f"`{each}`" for each in result["tasks"])
    same = "the same to the last digit" if all(each["same_figures"] for each in runs) else "not the same"
    asked = f"{_count(sum(look['asked'].values()), 'question')} of {_count(len(look['asked']), 'task')}"
    return (
        f"`istar score` of one method on {tasks}, {_count(result['questions'], 'question')} of each, beside revision "
        f"`{result['before']}`, in fresh data folders: {result['share_of_seconds']:.0%} of its time by the clock "
        f"({minutes}), {result['share_of_processor_seconds']:.0%} of its processor time; figures were {same}. A first "
        f"look, {asked}, took {look['seconds'] / 60:.1f} minutes."
    )


def _episodes(result: dict[str, Any]) -> str:
    methods, idle, settings = result["methods"].values(), result["idle"], result["settings"]
    names = ", ".join(f"`{name}`" for name in result["methods"])
    own = max(each["own_share"] for each in methods)
    recorded = [each["recorded_seconds"] for each in methods]
    first = [each["first_seconds"] for each in methods]
    return (
        f"Methods of the library ({names}) scored in episodes of the environment on "
        f"{_count(settings['questions'], 'question')} of `{settings['task']}` ({settings['target']}): {min(first):.0f} "
        f"to {max(first):.0f} seconds each for the first time, at most {own:.1%} of that "
        "the episode's own (calls, ledger, budget), and "
        f"at most {max(recorded):.2f} seconds in another episode once they are recorded. "
        f"{idle['episodes']:,} idle episodes took {idle['mebibytes']:.0f} MiB."
    )


def _library(result: dict[str, Any]) -> str:
    rows = [
        (
            f"`{each['method']}`",
            f"`{each['task']}`",
            f"{each['share']:.1%}",
            f"{each['first_batch_share']:.2%}",
            _decimals(each["correlation"]),
            _decimals(each["within_nuisance"]),
        )
        for each in result["rows"]
    ]
    head = ("method", "task", "all channels", "first batch", "correlation with values", "within queries")
    return (
        "What methods of the library cost, as shares of brute force, and say, on one question of each task. What they "
        f"save is in [methods](methods.md).\n\n{_table(head, rows)}"
    )


def _rulebooks(result: dict[str, Any]) -> str:
    rows = [
        (
            f"`{each['method']}`",
            *(f"{each[f'reward_{version}']:+.4f}" for version in ("v1", "v2")),
            f"{each['flops_v2_over_v1'] - 1:.1e}",
            f"{each['flops_v2_over_v1_most'] - 1:.1e}",
        )
        for each in result["methods"]
    ]
    head = ("method", "reward under v1", "under v2", "FLOPs dearer under v2", "at most")
    asked = ", ".join(f"`{task}`" for task in result["asked"]["tasks"])
    return (
        "The same recordings of methods of the library, counted under both rulebooks at once, with the executor "
        f"replayed on either: {result['asked']['questions']} questions each of {asked}. Rank correlation of the "
        f"rewards: {result['rank_correlation']:.3f}; largest change of a reward: "
        f"{result['largest_change_of_reward']:.2g}.\n\n{_table(head, rows)}"
    )


def _python(result: dict[str, Any]) -> str:
    groups = {
        "products": "products and their sums",
        "single": "sums and functions of single numbers",
        "bits": "bits of words",
        "order": "comparisons, look-ups, sorting",
        "texts": "characters of texts",
    }
    rows = [
        (groups[group], each["idiom"], f"{each['operations_a_second']:.1e}")
        for group, each in sorted(result["fastest"].items(), key=lambda item: list(groups).index(item[0]))
    ]
    of_torch = result["matrix_product_flops_a_second"]
    return (
        f"What Python itself does inside the fence, where nothing is metered: the fastest of {len(result['idioms'])} "
        "idioms by kind, with all guards, in operations as the rulebook counts them. A product of matrices did "
        f"{of_torch:.1e} a second beside it.\n\n" + _table(("kind", "fastest idiom", "operations a second"), rows)
    )


def _grpo(result: dict[str, Any]) -> str:
    questions = ", ".join(f"{_count(number, 'question')} of `{task}`" for task, number in result["tasks"].items())
    gain, hourly = result["gain"], result["rollouts_per_hour"]
    rows = [
        (
            f"`{name}`",
            ", ".join(_decimals(each) for each in result["last_fifth"][name]),
            ", ".join(_decimals(each) for each in result["best"][name]),
            ", ".join(map(str, result["rollouts"][name])),
            ", ".join(map(str, result["different_methods"][name])),
        )
        for name in result["last_fifth"]
    ]
    head = ("researcher", "mean reward of the last fifth, by seed", "best reward", "rollouts", "different methods")
    over = gain["over_seeds"]
    seeds = "" if over is None else f"; over seeds {_decimals(over[0])} to {_decimals(over[1])}, by Student's t"
    return (
        f"`{result['model']}` writes sentences of the grammar and learns by GRPO, beside itself untrained, the policy "
        f"and chance, rewarded on {questions}. The last fifth of its rollouts is better than the untrained model's by "
        f"**{_decimals(gain['mean'])}** (95% interval {_decimals(gain['interval'][0])} to "
        f"{_decimals(gain['interval'][1])}, a bootstrap over groups within runs{seeds}). Rewarded rollouts an hour, "
        f"sampling and learning included: {hourly['grpo']:.0f}, against {hourly['scratch']:.0f} where "
        f"{len(result['scratch']['seconds'])} are scored from scratch: **{hourly['times']:.1f} times as many**. "
        f"`policy` and `random` never repeat a method.\n\n{_table(head, rows)}"
    )


SECTIONS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "black_box_arm": ("The black-box arm against published estimators", _black_box),
    "responsiveness": ("What the executor hears", _responsiveness),
    "derived_tails": ("Controls on the tail of a training stream", _derived_tails),
    "agents_as_executors": ("Agents as executors", _agents),
    "method_library": ("Methods of the library, channel by channel", _library),
    "meter_overhead": ("The meter", _meter),
    "rulebooks": ("Rulebook v2 beside v1", _rulebooks),
    "python_arithmetic": ("Arithmetic in Python", _python),
    "table_building": ("Building tables", _tables),
    "search_loop": ("The search", _search_loop),
    "standard_runs": ("Standard runs", _standard_runs),
    "side_by_side": ("Channels side by side", _side_by_side),
    "start_time": ("Starting", _start),
    "score_time": ("Scoring", _score_time),
    "red_moves": ("Moves of a duel", _red_moves),
    "forecast": ("Forecasts", _forecast),
    "episodes": ("Episodes", _episodes),
    "kill_resume": ("Kills", _kills),
    "grpo": ("A language model that learns the grammar", _grpo),
}
"""By the name of a result: its heading, and what makes its section."""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
