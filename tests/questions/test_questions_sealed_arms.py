"""Arms ranked by their sealed rows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from istar.questions import ArmRanking, Column, FunctionalError, Structure, functional_from_json
from istar.questions.functionals.sealed_arms import SealedArmRanking

ARMS, REPLICATES = 5, 4


def structure(sealed: bool = True) -> Structure:
    cells = [(a, r, s) for s in ((0, 1) if sealed else (0,)) for a in range(ARMS) for r in range(REPLICATES)]
    arm, replicate, hidden = (tuple(map(float, column)) for column in zip(*cells, strict=True))
    return Structure((Column("arm", "arm", arm), Column("r", "nuisance", replicate), Column("s", "sealed", hidden)))


@pytest.mark.parametrize("reference", [False, True])
def test_the_answer_is_the_mean_over_sealed_rows(reference: bool) -> None:
    place = structure()
    values = np.random.default_rng(0).normal(size=place.rows)
    expected = []
    for arm in range(ARMS):
        mine = [v for v, a, s in zip(values, place["arm"], place["s"], strict=True) if a == arm and s == 1]
        expected.append(sum(mine) / len(mine))
    if reference:
        expected = [each - expected[0] for each in expected[1:]]
    found = SealedArmRanking("arm", reference).answer(values, place)
    np.testing.assert_allclose(found, expected)


def test_open_rows_change_nothing() -> None:
    place = structure()
    values = np.random.default_rng(0).normal(size=place.rows)
    other = np.where(place.sealed, values, 7.0)
    functional = SealedArmRanking("arm")
    np.testing.assert_array_equal(functional.answer(values, place), functional.answer(other, place))


def test_loss_is_that_of_a_ranking() -> None:
    place = structure()
    values = np.random.default_rng(0).normal(size=place.rows)
    guess = np.random.default_rng(1).normal(size=ARMS)
    only = place.take(place.sealed)
    expected = ArmRanking("arm").loss(guess, values[place.sealed], only)
    assert SealedArmRanking("arm").loss(guess, values, place) == pytest.approx(expected)
    assert expected > 0


def test_needs_sealed_rows() -> None:
    with pytest.raises(FunctionalError, match="no sealed rows, so nothing says how arms rank"):
        SealedArmRanking("arm").answer(np.zeros(ARMS * REPLICATES), structure(sealed=False))


def test_survives_json() -> None:
    functional = SealedArmRanking("arm", reference=True)
    assert functional_from_json(json.loads(json.dumps(functional.to_json()))) == functional
