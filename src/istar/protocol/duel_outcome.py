"""What came of a duel: the matrix of best responses, exploitability over rounds, detection, who won and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from istar.duel.detection import Estimate, detection
from istar.duel.games import equilibrium, exploitability
from istar.duel.players import PARTS, Blue, Part, Red
from istar.protocol.duel import Fought
from istar.protocol.duel_settings import DuelConfig
from istar.seeds import Seed

BOOTSTRAPS = 1000
Quadrant = tuple[Part, Part]
"""A part of the moves and a part of the methods."""


@dataclass(frozen=True)
class QuadrantOutcome:
    """The game between a part of the moves and a part of the methods.

    Attributes:
        paid: what red pays blue on average, by the players' last mixtures; its interval is a bootstrap over moves.
        value: what it pays at an equilibrium.
        exploitability: what best responses gain over the mixtures, before each round and after the last.
        best_method: the method that earns most against red's last mixture.
        best_move: the move that pays blue's last mixture least.
    """

    paid: Estimate
    value: float
    exploitability: tuple[float, ...]
    best_method: str
    best_move: str


def outcome_of(config: DuelConfig, fought: Fought) -> dict[str, Any]:
    """Return what came of a duel, as JSON values."""
    seed = Seed.root(config.seed).split("outcome")
    quadrants = {(moves, methods): _quadrant(fought, moves, methods, seed) for moves in PARTS for methods in PARTS}
    names = {hash_: method.name for part in PARTS for hash_, method in fought.methods[part].items()}
    return {
        "target": config.target,
        "seed": config.seed,
        "reward": config.reward,
        "red": config.red,
        "blue": config.blue,
        "moves": [
            {
                "part": part,
                "hash": hash_,
                "recipe": made.recipe.to_json(),
                "short": made.recipe.short,
                "organism": made.name,
                "steps": made.steps,
                "forfeit": made.missed,
                "paid": [fought.paid[hash_, method] for method in names],
            }
            for part in PARTS
            for hash_, made in fought.moves[part].items()
        ],
        "methods": [
            {"part": part, "hash": hash_, "name": method.name, "failure": fought.failures.get(hash_, "")}
            for part in PARTS
            for hash_, method in fought.methods[part].items()
        ],
        "rounds": [
            {
                "moves": {part: [made.recipe.hash for made in each.made[part]] for part in PARTS},
                "methods": {part: [drawn.choice.hash for drawn in each.methods[part]] for part in PARTS},
                "paid": float(np.mean(list(each.paid.values()))),
            }
            for each in fought.rounds
        ],
        "games": [
            {
                "moves": moves,
                "methods": methods,
                "paid": vars(found.paid),
                "value": found.value,
                "exploitability": list(found.exploitability),
                "best_method": found.best_method,
                "best_move": found.best_move,
            }
            for (moves, methods), found in quadrants.items()
        ],
        "detection": [
            {"moves": part, "method": names.get(hash_, ""), **detection(scores, seed).to_json()}
            for (part, hash_), scores in fought.scores.items()
            if scores
        ],
        "verdict": verdict(fought, quadrants["held out", "held out"], quadrants["shown", "shown"]),
    }


def _quadrant(fought: Fought, of_moves: Part, of_methods: Part, seed: Seed) -> QuadrantOutcome:
    moves, methods = fought.moves[of_moves], fought.methods[of_methods]
    paid = np.array([[fought.paid[move, method] for method in methods] for move in moves])

    def mixtures(red: Red, blue: Blue) -> tuple[Float[np.ndarray, " moves"], Float[np.ndarray, " methods"]]:
        return (
            red.weights(of_moves, [made.recipe for made in moves.values()]),
            blue.weights(of_methods, list(methods.values())),
        )

    over_rounds = [mixtures(each.red, each.blue) for each in fought.rounds]
    last = mixtures(fought.red, fought.blue)
    red, blue = last
    return QuadrantOutcome(
        paid=_interval(paid @ blue, red, seed.split(of_moves, of_methods)),
        value=equilibrium(paid).value,
        exploitability=tuple(exploitability(paid, *each) for each in [*over_rounds, last]),
        best_method=list(methods.values())[int(np.argmax(red @ paid))].name,
        best_move=list(moves.values())[int(np.argmin(paid @ blue))].recipe.short,
    )


def _interval(by_move: Float[np.ndarray, " moves"], weights: Float[np.ndarray, " moves"], seed: Seed) -> Estimate:
    """Return a weighted mean over moves with its bootstrap interval."""
    drawn = seed.generator().integers(len(by_move), size=(BOOTSTRAPS, len(by_move)))
    heavy = weights[drawn]
    means = (heavy * by_move[drawn]).sum(axis=1) / heavy.sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(by_move @ weights), float(low), float(high))


def verdict(fought: Fought, held_out: QuadrantOutcome, shown: QuadrantOutcome) -> str:
    """Return who won and why, in a sentence."""
    every = [made for part in PARTS for made in fought.moves[part].values()]
    lost = sum(bool(made.missed) for made in every)
    forfeits = f"; {lost} of {len(every)} moves were lost by forfeit" if lost else ""
    if all(made.missed for made in fought.moves["held out"].values()):
        return "Blue won by forfeit: no move of red's of a held-out kind keeps its claims."
    figures = f"{held_out.paid.value:+.3f} ({held_out.paid.low:+.3f} to {held_out.paid.high:+.3f})"
    on_shown = f"on what both learnt from {shown.paid.value:+.3f}"
    if held_out.paid.low > 0:
        why = f"its methods, best {held_out.best_method}, earn {figures} on kinds of moves that it never learnt from"
        return f"Blue won: {why}, {on_shown}{forfeits}."
    if held_out.paid.high <= 0:
        why = f"methods that it never met earn {figures} on held-out kinds of moves, least on {held_out.best_move}"
        return f"Red won: {why}, {on_shown}{forfeits}."
    return (
        f"Neither won: methods earn {figures} on held-out kinds of moves, which may be nothing, {on_shown}{forfeits}."
    )
