"""Numbers and findings in words."""

from __future__ import annotations

from istar.executors.executor import CLAIMED
from istar.executors.measures import Reason
from istar.ledger import Tried
from istar.protocol.plateau import Plateau
from istar.reports.plateau import HeldLevel
from istar.rewards import MultiplierEstimate
from istar.rewards.believed import Believed, Numbers
from istar.rewards.intervals import Intervals
from istar.rewards.memorised import Memorisation

_PREFIXES = ((10**18, "E"), (10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def quantity(value: float, unit: str) -> str:
    """Return a number with three significant digits and a decimal prefix, `1.23 TFLOP`."""
    for size, prefix in _PREFIXES:
        if abs(value) >= size * 0.9995:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".rstrip()


def flops(value: float) -> str:
    """Return FLOPs with a prefix."""
    return quantity(value, "FLOP")


def times(factor: float) -> str:
    """Return a factor as `3.2×`: two decimals below 1, one below 10, none above."""
    digits = 2 if factor < 0.995 else 1 if factor < 9.95 else 0
    return f"{factor:.{digits}f}×"


def multiplier(found: MultiplierEstimate) -> str:
    """Return a multiplier, with the direction in which it is a bound."""
    sign = {"exact": "", "at_least": "≥ ", "at_most": "≤ ", "unknown": "≈ "}[found.bound]
    return sign + times(found.estimate)


def interval(found: MultiplierEstimate) -> str:
    """Return the interval of a multiplier."""
    return f"{times(found.low)} to {times(found.high)}"


def intervals(with_it: Intervals, without: Intervals) -> list[str]:
    """Return in sentences how far the executor's own intervals may be believed, none where it stated none.

    Args:
        with_it: those of the white-box arm.
        without: those of the black-box arm.
    """
    sentences = []
    if with_it.coverage is not None and without.coverage is not None:
        sentences.append(
            f"the executor's {CLAIMED:.0%} intervals held the truth in {with_it.coverage:.1%} of cases with the method "
            f"and in {without.coverage:.1%} without"
        )
    if with_it.stop_coverage is not None and without.stop_coverage is not None:
        widths = ""
        if with_it.stop_width is not None and without.stop_width is not None:
            widths = (
                f", and they were {with_it.stop_width:.0%} and {without.stop_width:.0%} as wide as the first without"
            )
        sentences.append(
            f"where it stopped, {with_it.stop_coverage:.1%} held it with the method and {without.stop_coverage:.1%} "
            f"without{widths}"
        )
    return sentences


def share(value: float) -> str:
    """Return a share with two significant digits, `0.12%`."""
    return f"{float(f'{100 * value:.2g}'):g}%"


def at_first_and_last(values: tuple[float, ...]) -> str:
    """Return a correlation at first and in the end, `0.44 / 0.01`; once if both are the same."""
    first, last = f"{values[0]:.2f}", f"{values[-1]:.2f}"
    return first if first == last else f"{first} / {last}"


def why(found: Believed) -> list[str]:
    """Return in a sentence for each reason why a method's channels were bought or not, the most frequent first."""
    sentences = []
    for reason, count in found.reasons.items():
        numbers = found.by_reason[reason]
        stranger = reason not in (Reason.NO_CHANNEL, Reason.SILENT) and numbers.get("known") == (0,)
        where = "" if count == found.answers else f"in {count} of {found.answers} answers "
        sentences.append(f"{where}{'never heard before: ' if stranger else ''}{_why(reason, numbers)}")
    return sentences


def _why(reason: Reason, numbers: Numbers) -> str:
    """Return a reason in words, with what is stated of it."""
    rho, price, worth, both = (numbers.get(name) for name in ("rho.answer", "price", "break_even", "both"))
    knew = "" if rho is None else f" (correlation with the answer {rho[0]:.2f})"
    learned = "" if rho is None else f" (correlation with the answer {rho[0]:.2f} at first, {rho[-1]:.2f} in the end)"
    costs = "" if price is None else f"all of it costs {share(price[-1])} of brute force"
    here = "" if worth is None else f", and it would be worth {share(worth[-1])} here"
    rows = "" if both is None else f" after {both[0]:.0f} rows known both ways"
    return {
        Reason.NO_CHANNEL: "it has no channel",
        Reason.SILENT: "not bought: it said nothing of this task's other questions",
        Reason.WORTHLESS: f"not bought: on this task's other questions it was worth nothing{knew}",
        Reason.NEEDLESS: f"not bought: even for nothing it would add too little to rows{knew}",
        Reason.TOO_DEAR: f"not bought: it is too dear{': ' if costs else ''}{costs}{here if costs else ''}",
        Reason.UNPAID: f"not bought: rows told enough while it was saved up for{': ' if costs else ''}{costs}",
        Reason.GIVEN_UP: f"bought, then given up{rows}{learned}",
        Reason.USED: f"bought and used{learned}",
    }[reason]


def tried(found: Tried) -> str:
    """Return what a researcher tried before it proposed, empty if it tried nothing."""
    parts = [f"{found.checks} method{'' if found.checks == 1 else 's'} checked"] if found.checks else []
    if found.scores:
        many = "question" if found.questions == 1 else "questions"
        parts.append(
            f"{found.scores} score{'' if found.scores == 1 else 's'} on {found.questions} training {many} "
            f"({flops(found.flops)})"
        )
    return ", ".join(parts)


def plateau(found: Plateau) -> str:
    """Return whether a search has stopped improving, and what is still likely, in a sentence."""
    rounds = f"{found.rounds} round{'' if found.rounds == 1 else 's'}"
    if found.basis == "validation":
        last = f"published its last improvement {rounds} ago" if found.method else f"published none in {rounds}"
        return (
            "it is not known whether it has stopped improving, since no method was scored again on fresh questions (a "
            f"search with --until-plateau does so); of validation, which is asked again and again, the guard {last}"
        )
    state = "it has stopped improving" if found.reached else "it is not known to have stopped improving"
    error = "" if found.standard_error is None else f" \u00b1 {found.standard_error:.3f}"
    level = f"{found.level:+.3f}{error} (round {found.since})" if found.method else "0, for no method was any better"
    said = (
        f"{state}: {rounds} in a row without a confirmed improvement, of {found.needed} that are a plateau, at a level "
        f"of {level}"
    )
    if found.rounds:
        said += (
            f"; a round improves with a probability of at most {found.chance:.1%} ({found.confidence:.0%} confidence)"
        )
    if found.rounds and found.gain is not None:
        said += f", and but for such rounds by at most {found.gain:+.3f} ({found.gain_confidence:.0%})"
    return said


def held(found: HeldLevel) -> str:
    """Return for how long the best level of several runs has held, in a sentence."""
    if not found.method:
        return f"no run has found a method that is worth anything on fresh questions, in {found.rounds} rounds"
    error = "" if found.standard_error is None else f" \u00b1 {found.standard_error:.3f}"
    runs = f"{found.runs} run{'' if found.runs == 1 else 's'}"
    return (
        f"the level {found.level:+.3f}{error} of {found.run} has held for {found.rounds} rounds of {runs}, "
        f"{found.seconds / 3600:.1f} hours of search; {found.days:.1f} days lie between the openings of that run and "
        "of the last"
    )


def verdict(found: MultiplierEstimate, level: float, kind: str) -> str:
    """Return in one sentence what a multiplier says.

    Args:
        found: the multiplier over all tasks of a split.
        level: the level of skill it belongs to.
        kind: what tasks these are, such as "task families it was not developed on".
    """
    direction = {"exact": "", "at_least": "at least ", "at_most": "at most ", "unknown": "about "}[found.bound]
    span = f"95% interval {found.low:.2g} to {found.high:.2g}"
    if found.low > 1:
        return (
            f"On {kind}, I* reaches a skill of {level:g} with {direction}{found.estimate:.2g} times fewer FLOPs than "
            f"the black-box arm ({span})."
        )
    if found.high < 1:
        return (
            f"On {kind}, I* does not pay: for a skill of {level:g} it needs {1 / found.estimate:.2g} times more FLOPs "
            f"than the black-box arm (multiplier {found.estimate:.2g}, {span})."
        )
    return (
        f"On {kind}, no saving is shown for a skill of {level:g}: the multiplier is {direction}{found.estimate:.2g}, "
        f"and its interval includes 1 ({span})."
    )


def memorisation(found: Memorisation) -> str:
    """Return what committed and fresh questions say of a method, as the end of a sentence that begins with it."""
    committed, fresh = found.questions
    return (
        f"earned {found.committed:+.3f} on {committed} questions with shipped tables and {found.fresh:+.3f} on {fresh} "
        f"fresh ones (by chance alone in {found.p_value:.2%} of cases)"
    )
