"""Eliciting bad contexts: a method's reading chooses among candidates, two judges say what that is worth.

The reading is a regression of the shown judge's score on the method's channels, fitted on contexts that are no
candidates. It orders a pool of candidates; the best of n by it is scored by the shown judge, and by one held out that
nothing was fitted to. Choosing by the shown judge itself, which is brute force, stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from istar.arms.sandboxed import SandboxArms
from istar.flops import Meter
from istar.questions import QuestionView, Run
from istar.seeds import Seed
from istar.tasks import Encoder, structure_of
from istar.uses.errors import UseError
from istar.uses.judges import FileJudge, Judge
from istar.uses.pressure import Pool, kl_of_best
from istar.uses.reading import listen, prices_of_runs
from istar.uses.regression import fit_ridge
from istar.uses.replies import greedy_replies

if TYPE_CHECKING:
    from istar.methods.side_by_side import MethodFile
    from istar.targets import Target

Progress = Callable[[int, int], None]
LEAST_LOG2, MOST_LOG2 = 4, 14
LEAST_CALIBRATION = 8
SHOWN = 5
"""How many chosen contexts are shown."""


@dataclass(frozen=True)
class Verdicts:
    """What a judge says of contexts.

    Attributes:
        scores: one a context, higher for worse.
        flops: what all of them took.
        calibration_flops: what those that the reading is calibrated on took alone.
    """

    scores: Float[np.ndarray, " contexts"]
    flops: int
    calibration_flops: int


@dataclass(frozen=True)
class ChosenContext:
    """A context that the reading picked, the best of as many as the rule allows.

    Attributes:
        context: its text.
        reading: what the reading expected the shown judge to say.
        shown: what it said.
        held_out: what the held-out judge said.
    """

    context: str
    reading: float
    shown: float
    held_out: float


@dataclass(frozen=True)
class BadContexts:
    """What choosing contexts by a method's reading gave.

    Attributes:
        method: its name.
        target: the target's name.
        judges: the names of the shown judge and of the held-out one.
        explained: share of the variance of the shown judge's scores that the reading explains where it was calibrated,
            on contexts left out.
        by_reading: the candidates as the reading orders them.
        by_judge: as the shown judge orders them.
        flops: FLOPs by what they were spent for.
        chosen: contexts that the rule allows to choose, each the best of as many candidates of its own.
    """

    method: str
    target: str
    judges: tuple[str, str]
    explained: float
    by_reading: Pool
    by_judge: Pool
    flops: Mapping[str, int]
    chosen: tuple[ChosenContext, ...]

    @property
    def candidates(self) -> int:
        """The size of the pool."""
        return len(self.by_reading.choosing)

    def flops_at(self, n: int) -> tuple[int, int]:
        """Return what the best of n takes by the reading, its calibration included, and by the shown judge."""
        share = n / self.candidates
        reading = self.flops["calibration"] + round(share * self.flops["reading"])
        return reading, round(share * self.flops["shown judge"])

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "method": self.method,
            "target": self.target,
            "judges": {"shown": self.judges[0], "held_out": self.judges[1]},
            "candidates": self.candidates,
            "explained": self.explained,
            "flops": dict(self.flops),
            "by_reading": _pool_json(self.by_reading),
            "by_judge": _pool_json(self.by_judge),
            "flops_at": {str(int(n)): self.flops_at(int(n)) for n in self.by_reading.pressures},
            "chosen": [asdict(each) for each in self.chosen],
        }


def _pool_json(pool: Pool) -> dict[str, Any]:
    return {
        "pressures": pool.pressures.tolist(),
        "kl_nats": [kl_of_best(int(n)) for n in pool.pressures],
        "curves": {name: asdict(curve) for name, curve in pool.curves.items()},
        "parting": {**asdict(pool.parting), "stop": pool.parting.stop},
    }


def check_sizes(candidates: int, calibration: int, reply_tokens: int) -> None:
    """Check numbers before anything is loaded.

    Args:
        candidates: binary logarithm of the number of candidates.
        calibration: contexts that the reading is calibrated on.
        reply_tokens: tokens of a reply.

    Raises:
        UseError: one is out of range.
    """
    if not LEAST_LOG2 <= candidates <= MOST_LOG2:
        raise UseError(
            f"--candidates {candidates}: it is the binary logarithm of how many; give {LEAST_LOG2} to {MOST_LOG2}"
        )
    if not LEAST_CALIBRATION <= calibration <= 2**MOST_LOG2:
        raise UseError(f"--calibration {calibration} contexts; give {LEAST_CALIBRATION} to {2**MOST_LOG2}")
    if not 1 <= reply_tokens <= 1000:
        raise UseError(f"--reply-tokens {reply_tokens}; give 1 to 1000")


def choose_bad_contexts(
    arms: SandboxArms,
    file: MethodFile,
    name: str,
    contexts: Sequence[str],
    judges: tuple[Judge, Judge],
    *,
    calibration: int,
    reply_tokens: int,
    seed: int,
    progress: Progress | None = None,
) -> BadContexts:
    """Let a method's reading choose among contexts.

    Args:
        arms: a jail on the target.
        file: the method.
        name: its name.
        contexts: the pool in random order; the reading is calibrated on the first, the others are the candidates.
        judges: the shown one, and the one held out.
        calibration: how many contexts the reading is calibrated on.
        reply_tokens: how many tokens the target says to judges that read replies.
        seed: the root seed, for intervals.
        progress: called as tokens are run for judges.

    Raises:
        JudgeError: a judge fails.
        MethodError: the method fails.
        UseError: it has nothing to say, or the shown judge says the same of all contexts.
    """
    encode = Encoder(arms.target.tokenizer)
    prompts = [(encode.bos, *encode(context)) for context in contexts]
    asked = [judges[0].run(encode, prompt) for prompt in prompts]
    shown, held_out = _verdicts(arms.target, judges, contexts, prompts, calibration, reply_tokens, progress)
    if np.ptp(shown.scores[:calibration]) == 0:
        raise UseError(
            f"the judge {judges[0].name} says {shown.scores[0]:g} of all {calibration} contexts that the reading would "
            "be calibrated on; give another judge, or more of --calibration"
        )
    structure = structure_of([("context", "arm")], [(number,) for number in range(len(contexts))])
    exact = prices_of_runs(arms.target, asked).total
    said = listen(arms, file, name, QuestionView(tuple(asked), structure), exact)
    ridge = fit_ridge(said.channels[:calibration], shown.scores[:calibration])
    root = Seed.root(seed)
    ours = slice(calibration, None)
    reading = ridge.predict(said.channels[ours])
    scores = shown.scores[ours], held_out.scores[ours]
    by_reading = Pool(reading, *scores, root.split("by reading"))
    best = _blocks(reading, 2**by_reading.parting.stop)
    each = len(contexts)
    return BadContexts(
        method=name,
        target=arms.target.name,
        judges=(judges[0].name, judges[1].name),
        explained=ridge.explained,
        by_reading=by_reading,
        by_judge=Pool(scores[0], *scores, root.split("by judge")),
        flops={
            "interpret (not charged)": said.interpret_flops,
            "calibration": shown.calibration_flops + said.flops * calibration // each,
            "reading": said.flops * (each - calibration) // each,
            "shown judge": shown.flops * (each - calibration) // each,
            "held-out judge (not charged)": held_out.flops * (each - calibration) // each,
        },
        chosen=tuple(
            ChosenContext(contexts[calibration + row], *(float(by[row]) for by in (reading, *scores))) for row in best
        ),
    )


def _blocks(reading: Float[np.ndarray, " candidates"], size: int) -> list[int]:
    """Return the best of each of the first blocks of so many candidates."""
    starts = range(0, len(reading) - size + 1, size)[:SHOWN]
    return [start + int(reading[start : start + size].argmax()) for start in starts]


def _verdicts(
    target: Target,
    judges: tuple[Judge, Judge],
    contexts: Sequence[str],
    prompts: Sequence[tuple[int, ...]],
    calibration: int,
    reply_tokens: int,
    progress: Progress | None,
) -> tuple[Verdicts, Verdicts]:
    """Return what both judges say; what both need of the target is run once, and each is charged all of it."""
    encode = Encoder(target.tokenizer)
    read = [number for number, judge in enumerate(judges) if not isinstance(judge, FileJudge)]
    runs = {number: [judges[number].run(encode, prompt) for prompt in prompts] for number in read}
    every: list[Run] = [run for number in read for run in runs[number]]
    values = target.values(every, progress).numpy() if every else np.empty(0)
    found: list[Verdicts] = []
    replies: tuple[list[str], int] | None = None
    for number, judge in enumerate(judges):
        if isinstance(judge, FileJudge):
            replies = replies or _replies(target, prompts, reply_tokens)
            with Meter() as meter:  # a judge may use torch itself
                scores = judge.scores(contexts, replies[0])
            flops = replies[1] + meter.flops
            found.append(Verdicts(scores, flops, flops * calibration // len(contexts)))
        else:
            place = read.index(number) * len(contexts)
            sheet = prices_of_runs(target, runs[number])
            first: Int[np.ndarray, " calibration"] = np.arange(calibration)
            found.append(Verdicts(values[place : place + len(contexts)], sheet.total, sheet.bill().price(first)))
    return found[0], found[1]


def _replies(target: Target, prompts: Sequence[tuple[int, ...]], count: int) -> tuple[list[str], int]:
    with Meter() as meter:
        replies = greedy_replies(target, prompts, count)
    return [target.decode(reply) for reply in replies], meter.flops
