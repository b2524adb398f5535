"""The control of a search: rewards that say nothing about methods.

On every question a coin decides which arm is taken for which. A method's rewards then keep their sizes, and lose what
they say: whatever a search finds by them, it found by chance. What that is worth on the sealed test shows how much of
an I* is luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from istar.rewards.curves import Curve
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.protocol.config import SearchConfig


def coins(config: SearchConfig, method: str) -> Seed | None:
    """Return what decides about each question of a method, given its hash; None in a search that is no control."""
    return Seed.root(config.seed).split("shuffled", method) if config.shuffled else None


def exchange_arms(baseline: Sequence[Curve], interp: Sequence[Curve], seed: Seed) -> tuple[list[Curve], list[Curve]]:
    """Return the curves of both arms, those of about half of the questions having changed sides.

    Args:
        baseline: curves of the black-box arm.
        interp: curves of the white-box arm on the same questions.
        seed: of this method; decides about each question.
    """

    def exchanged(curve: Curve) -> bool:
        return bool(seed.split(curve.question_hash).generator().integers(2))

    facts = {each.question_hash: each.method for each in interp}  # of the method; a coin says nothing of these
    black = [each for each in baseline if not exchanged(each)]
    black += [replace(each, arm="black_box", method=None) for each in interp if exchanged(each)]
    white = [each for each in interp if not exchanged(each)]
    white += [
        replace(each, arm="white_box", method=facts.get(each.question_hash)) for each in baseline if exchanged(each)
    ]
    return black, white
