"""Resampling a suspicious output: draws from M', found with a method for less than by brute force.

An output is the target's next token after a prompt, one of its likeliest. Its reward is how probable the target then
holds a phrase that says all is well, in nats, so that rewards cost a run for each output. Three parties look for the M'
that `istar.uses.policies` defines: brute force runs all outputs; the method runs some, and predicts the others' rewards
from its channels; and rows alone run as many as the method's FLOPs pay for, and predict the others from log M. All are
held to the true rewards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import entr, rel_entr

from istar.arms.sandboxed import SandboxArms
from istar.questions import QuestionView, Run, SpanLogprob
from istar.seeds import Seed
from istar.targets.limits import check_length
from istar.tasks import Encoder, structure_of
from istar.uses.errors import UseError
from istar.uses.outputs import Outputs, likeliest_outputs
from istar.uses.policies import Direction, Policy, PolicyError, best_policy, check_beta, objective
from istar.uses.reading import listen, prices_of_runs
from istar.uses.regression import fit_ridge

if TYPE_CHECKING:
    from istar.methods.side_by_side import MethodFile
    from istar.targets import Target

LEAST_BOUGHT = 3
"""Outputs of each prompt whose reward is run at least."""
RESAMPLES = 1000
MOST_DRAWS = 10_000

Table = Float[np.ndarray, "prompts outputs"]


@dataclass(frozen=True)
class Resampling:
    """What is resampled, and how.

    Attributes:
        goal: the phrase after an output whose log-probability is its reward.
        outputs: how many next tokens of each prompt are listed.
        share: of how many of these the method has the reward run, above 0 and at most 1.
        beta: weight of the entropy.
        direction: which divergence.
        draws: outputs to draw for each prompt.
    """

    goal: str = "\nUser: Thank you"
    outputs: int = 64
    share: float = 0.125
    beta: float = 0.1
    direction: Direction = "forward"
    draws: int = 4

    def __post_init__(self) -> None:
        """Check each; how many outputs there are is the target's to say."""
        if not self.goal:
            raise UseError("the goal is empty; give a phrase whose probability is the reward, as --goal ' Thank you'")
        if not 0 < self.share <= 1:
            raise UseError(
                f"a share of {self.share:g} of the outputs cannot be run; give --share above 0 and at most 1"
            )
        if not 0 <= self.draws <= MOST_DRAWS:
            raise UseError(f"{self.draws} outputs cannot be drawn; give --draws from 0 to {MOST_DRAWS}")
        check_beta(self.beta)


@dataclass(frozen=True)
class Figures:
    """How good an M' is, the mean over prompts, in nats.

    Attributes:
        flops: what finding it took, for all prompts.
        rows: how many rewards were run.
        kl: the divergence that was made small.
        entropy: H(M').
        objective: divergence + beta H(M').
        reward: how far E_M' r is from E_M r, the true rewards being known: the mean of absolute differences.
        reward_low: lower end of its 95% bootstrap interval over prompts.
        reward_high: upper end.
    """

    flops: int
    rows: int
    kl: float
    entropy: float
    objective: float
    reward: float
    reward_low: float
    reward_high: float


@dataclass(frozen=True)
class Draw:
    """Outputs drawn for a prompt.

    Attributes:
        prompt: its text.
        outputs: texts drawn from M'.
        kl: the divergence of M', in nats.
        entropy_before: H(M).
        entropy: H(M').
        reward_before: E_M r.
        reward: E_M' r.
    """

    prompt: str
    outputs: tuple[str, ...]
    kl: float
    entropy_before: float
    entropy: float
    reward_before: float
    reward: float


@dataclass(frozen=True)
class Resampled:
    """What resampling gave.

    Attributes:
        method: the method's name.
        target: the target's name.
        goal: the phrase whose log-probability is the reward.
        beta: weight of the entropy.
        direction: which divergence.
        covered: the least probability that M gives to the listed outputs of a prompt.
        explained: share of the variance of rewards within prompts that the method explains on rows left out.
        certified: share of prompts on which the minimum by brute force is shown to be global.
        interpret_flops: what interpreting the target took; not charged.
        parties: figures of `M`, `brute force`, the method and `rows alone`.
        draws: for each prompt, from the method's M'.
    """

    method: str
    target: str
    goal: str
    beta: float
    direction: Direction
    covered: float
    explained: float
    certified: float
    interpret_flops: int
    parties: Mapping[str, Figures]
    draws: tuple[Draw, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def resample(
    arms: SandboxArms,
    file: MethodFile,
    name: str,
    prompts: Sequence[str],
    how: Resampling,
    *,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Resampled:
    """Find M' on each prompt and draw from it.

    Args:
        arms: a jail on the target.
        file: the method.
        name: its name.
        prompts: what was said before the output that is suspicious.
        how: the goal, and what else is chosen.
        seed: the root seed.
        progress: called as tokens are run.

    Raises:
        MethodError: the method fails.
        PolicyError: there is no such M' on a prompt.
        UseError: the method has nothing to say, or the target has not so many tokens.
    """
    outputs, beta, direction = how.outputs, how.beta, how.direction
    target, encode, root = arms.target, Encoder(arms.target.tokenizer), Seed.root(seed).split("resample")
    before = [(encode.bos, *encode(prompt)) for prompt in prompts]
    after = encode(how.goal)
    check_length(target, max(map(len, before)) + 1 + len(after), "a prompt with an output and the goal")
    listed = likeliest_outputs(target, before, outputs)
    for prompt, p in zip(prompts, listed.probabilities, strict=True):
        _policy(prompt, p, np.zeros(outputs), beta, direction)  # a beta that is too large is found before long work
    runs = [
        Run((*prompt, token, *after), SpanLogprob(len(prompt) + 1))
        for prompt, tokens in zip(before, listed.tokens, strict=True)
        for token in tokens
    ]
    shape = (len(prompts), outputs)
    names = structure_of(
        [("prompt", "arm"), ("output", "nuisance")], [(row // outputs, row % outputs) for row in range(len(runs))]
    )
    sheet = prices_of_runs(target, runs)
    said = listen(arms, file, name, QuestionView(tuple(runs), names), sheet.total)
    rewards: Table = target.values(runs, progress).numpy().reshape(shape)
    order = _order(shape, root)
    least = max(LEAST_BOUGHT, int(np.ceil(how.share * outputs)))
    bought = order < least
    paid = said.flops + sheet.bill().price(np.flatnonzero(bought.ravel()))
    alone = _bought_for(paid, order, sheet.bill().price)
    log_p = np.log(listed.probabilities)[..., None]
    features = np.concatenate([log_p, said.channels.reshape(*shape, -1)], axis=-1)
    predicted, explained = _predicted(features, rewards, bought)
    without, _ = _predicted(log_p, rewards, alone)
    known: dict[str, tuple[Table | None, int, int]] = {
        "M": (None, 0, 0),
        "brute force": (rewards, sheet.total, rewards.size),
        name: (predicted, paid, int(bought.sum())),
        "rows alone": (without, sheet.bill().price(np.flatnonzero(alone.ravel())), int(alone.sum())),
    }
    found: dict[str, list[Policy]] = {
        party: [
            Policy(p, 0.0, True) if values is None else _policy(prompt, p, values[number], beta, direction)
            for number, (prompt, p) in enumerate(zip(prompts, listed.probabilities, strict=True))
        ]
        for party, (values, _, _) in known.items()
    }
    parties = {
        party: _figures(listed, rewards, found[party], beta, direction, root, flops=listed.flops + spent, rows=rows)
        for party, (_, spent, rows) in known.items()
    }
    return Resampled(
        *(name, target.name, how.goal, beta, direction, float(listed.covered.min()), explained),
        certified=float(np.mean([policy.certified for policy in found["brute force"]])),
        interpret_flops=said.interpret_flops,
        parties=parties,
        draws=tuple(
            _drawn(target, prompt, number, listed, rewards[number], found[name][number], direction, how.draws, root)
            for number, prompt in enumerate(prompts)
        ),
    )


def _policy(
    prompt: str, p: Float[np.ndarray, " outputs"], reward: np.ndarray, beta: float, direction: Direction
) -> Policy:
    try:
        return best_policy(p, reward, beta, direction)
    except PolicyError as error:
        raise PolicyError(f"after the prompt {prompt[:60]!r}: {error}") from error


def _order(shape: tuple[int, int], root: Seed) -> np.ndarray:
    """Return in which place each output of each prompt is bought, at random."""
    generator = root.split("bought").generator()
    return np.stack([generator.permutation(shape[1]) for _ in range(shape[0])])


def _bought_for(
    flops: int, order: np.ndarray, price: Callable[[np.ndarray], int]
) -> Bool[np.ndarray, "prompts outputs"]:
    """Return the most outputs of each prompt, in the order given, that cost no more than so many FLOPs."""
    low, high = LEAST_BOUGHT, order.shape[1]
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if price(np.flatnonzero((order < middle).ravel())) <= flops else (low, middle - 1)
    found: Bool[np.ndarray, "prompts outputs"] = order < low
    return found


def _predicted(
    features: Float[np.ndarray, "prompts outputs features"], rewards: Table, bought: Bool[np.ndarray, "prompts outputs"]
) -> tuple[Table, float]:
    """Return rewards, run where they were bought and predicted elsewhere, and the share of variance explained.

    Only differences within a prompt matter, so features and rewards are taken from their means over the bought outputs
    of the prompt.
    """
    count = bought.sum(axis=1)
    middle = (features * bought[..., None]).sum(axis=1) / count[:, None]
    offset = (rewards * bought).sum(axis=1) / count
    within = features - middle[:, None]
    ridge = fit_ridge(within[bought], (rewards - offset[:, None])[bought])
    guessed = ridge.predict(within.reshape(-1, features.shape[-1])).reshape(rewards.shape) + offset[:, None]
    return np.where(bought, rewards, guessed), ridge.explained


def _figures(
    listed: Outputs,
    rewards: Table,
    policies: Sequence[Policy],
    beta: float,
    direction: Direction,
    root: Seed,
    *,
    flops: int,
    rows: int,
) -> Figures:
    pairs = [(p, policy.probabilities) for p, policy in zip(listed.probabilities, policies, strict=True)]
    missed = np.abs([(q - p) @ reward for (p, q), reward in zip(pairs, rewards, strict=True)])
    generator = root.split("bootstrap").generator()
    means = missed[generator.integers(0, len(missed), (RESAMPLES, len(missed)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Figures(
        flops=flops,
        rows=rows,
        kl=float(np.mean([_kl(p, q, direction) for p, q in pairs])),
        entropy=float(np.mean([entr(q).sum() for _, q in pairs])),
        objective=float(np.mean([objective(p, q, beta, direction) for p, q in pairs])),
        reward=float(missed.mean()),
        reward_low=float(low),
        reward_high=float(high),
    )


def _kl(p: np.ndarray, q: np.ndarray, direction: Direction) -> float:
    return float((rel_entr(p, q) if direction == "forward" else rel_entr(q, p)).sum())


def _drawn(
    target: Target,
    prompt: str,
    number: int,
    listed: Outputs,
    rewards: Float[np.ndarray, " outputs"],
    policy: Policy,
    direction: Direction,
    draws: int,
    root: Seed,
) -> Draw:
    p, q = listed.probabilities[number], policy.probabilities
    drawn = root.split("drawn", number).generator().choice(len(q), size=draws, p=q)
    return Draw(
        prompt=prompt,
        outputs=tuple(target.decode([listed.tokens[number][output]]) for output in drawn),
        kl=_kl(p, q, direction),
        entropy_before=float(entr(p).sum()),
        entropy=float(entr(q).sum()),
        reward_before=float(p @ rewards),
        reward=float(q @ rewards),
    )
