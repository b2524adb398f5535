import json

import numpy as np
import pytest

from istar.questions import BehaviourChanges, Column, FunctionalError, RemovalEffects, Structure, functional_from_json

STATES, BEHAVIOURS, PROBES = 4, 3, 5
FUNCTIONAL = BehaviourChanges("state", "behaviour")


def structure_of(cells):
    names = (("state", "arm"), ("behaviour", "arm"), ("probe", "nuisance"))
    columns = zip(names, zip(*cells, strict=True), strict=True)
    return Structure(tuple(Column(name, role, tuple(map(float, entry))) for (name, role), entry in columns))


def table(keep=lambda _cell: True, seed=0):
    """Cells of states, behaviours and probes in shuffled order, and values."""
    generator = np.random.default_rng(seed)
    cells = [(s, b, p) for s in range(STATES) for b in range(BEHAVIOURS) for p in range(PROBES) if keep((s, b, p))]
    cells = [cells[place] for place in generator.permutation(len(cells))]
    return cells, structure_of(cells), generator.normal(size=len(cells))


def slow_changes(cells, values):
    found = []
    for state in range(1, STATES):
        for behaviour in range(BEHAVIOURS):
            after = [v for v, (s, b, _) in zip(values, cells, strict=True) if (s, b) == (state, behaviour)]
            before = [v for v, (s, b, _) in zip(values, cells, strict=True) if (s, b) == (0, behaviour)]
            if after:
                found.append(sum(after) / len(after) - sum(before) / len(before))
    return found


def test_each_behaviour_is_compared_with_itself_before():
    cells, structure, values = table()
    answer = FUNCTIONAL.answer(values, structure)
    assert answer.shape == ((STATES - 1) * BEHAVIOURS,)
    np.testing.assert_allclose(answer, slow_changes(cells, values), rtol=1e-12)
    np.testing.assert_allclose(FUNCTIONAL.weights(structure) @ values, answer, rtol=1e-12)


def test_what_all_states_share_is_no_change():
    cells, structure, values = table()
    shift = np.array([10.0 * behaviour + probe for _, behaviour, probe in cells])
    np.testing.assert_allclose(
        FUNCTIONAL.answer(values + shift, structure), FUNCTIONAL.answer(values, structure), atol=1e-12
    )


def test_states_may_be_probed_unevenly():
    cells, structure, values = table(lambda cell: cell[:2] != (2, 1) and cell[1:] != (0, 4))
    answer = FUNCTIONAL.answer(values, structure)
    assert answer.shape == ((STATES - 1) * BEHAVIOURS - 1,)
    np.testing.assert_allclose(answer, slow_changes(cells, values), rtol=1e-12)


def test_removals_are_changes_the_other_way_round():
    _, structure, values = table()
    removals = RemovalEffects("behaviour", "state").answer(values, structure).reshape(BEHAVIOURS, STATES - 1)
    np.testing.assert_allclose(FUNCTIONAL.answer(values, structure), -removals.T.reshape(-1), rtol=1e-12)
    assert FUNCTIONAL.measured_against == RemovalEffects("behaviour", "state").measured_against == "state"


def test_loss_maps_draws_and_json():
    _, structure, values = table()
    draws = np.stack([values, 3 * values])
    answers = FUNCTIONAL.answer(draws, structure)
    np.testing.assert_allclose(answers[1], 3 * answers[0], rtol=1e-12)
    assert FUNCTIONAL.loss(answers[0], values, structure) == pytest.approx(0.0, abs=1e-24)
    off = np.where(np.arange(len(answers[0])) == 2, 0.6, 0.0)
    assert FUNCTIONAL.loss(answers[0] + off, values, structure) == pytest.approx(0.36 / len(off))
    assert functional_from_json(json.loads(json.dumps(FUNCTIONAL.to_json()))) == FUNCTIONAL


def test_refuses_what_it_cannot_compare():
    with pytest.raises(FunctionalError, match="behaviour 1 of 'behaviour' was never probed before any change"):
        FUNCTIONAL.weights(structure_of([(0, 0, 0), (1, 0, 0), (1, 1, 0)]))
    with pytest.raises(FunctionalError, match="nothing but level 0 of 'state'"):
        FUNCTIONAL.weights(structure_of([(0, 0, 0), (0, 1, 0)]))
