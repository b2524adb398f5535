import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istar.questions import Column, Structure, grid_groups, nested_batches
from istar.questions.batches import LEVELS
from istar.seeds import Seed


def grid(arms, replicates):
    arm, replicate = np.divmod(np.arange(arms * replicates), replicates)
    return Structure(
        (Column("prompt", "arm", tuple(arm.astype(float))), Column("query", "nuisance", tuple(replicate.astype(float))))
    )


def stream(rows):
    return Structure((Column("sequence", "nuisance", tuple(float(row) for row in range(rows))),))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_batches_are_disjoint_and_cover_all_rows(arms, replicates, seed):
    batches = nested_batches(grid(arms, replicates), Seed.root(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(arms * replicates))
    assert all(len(batch) and (np.diff(batch) > 0).all() for batch in batches)
    assert len(batches) <= LEVELS


@pytest.mark.parametrize(
    "structure", [grid(256, 12), grid(12, 256), grid(64, 64), stream(1024)], ids=["tall", "wide", "square", "one"]
)
def test_cumulated_sizes_double_from_a_small_first_look(structure):
    sizes = np.cumsum([len(batch) for batch in nested_batches(structure, Seed.root(0))])
    shares = sizes / structure.rows
    assert len(shares) == LEVELS
    for level, share in enumerate(shares):
        assert share == pytest.approx(2.0 ** (level - LEVELS + 1), rel=0.35)


@given(st.integers(0, 99))
def test_every_level_is_a_grid_of_arms_by_replicates(seed):
    structure = grid(32, 16)
    arm, replicate = grid_groups(structure)
    seen = np.zeros(structure.rows, dtype=bool)
    for batch in nested_batches(structure, Seed.root(seed)):
        seen[batch] = True
        assert seen.sum() == len(np.unique(arm[seen])) * len(np.unique(replicate[seen]))


def test_the_order_depends_on_the_seed_alone():
    first, again, other = (nested_batches(grid(20, 10), Seed.root(seed)) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any(len(a) != len(b) or (a != b).any() for a, b in zip(first, other, strict=True))


def test_switches_identify_arms_and_traits_do_not():
    structure = Structure(
        (
            Column("a", "switch", (0, 1, 0, 1)),
            Column("b", "switch", (0, 0, 1, 1)),
            Column("style", "trait", (0, 0, 0, 0)),
            Column("length", "covariate", (1.5, 2.5, 3.5, 4.5)),
        )
    )
    arm, replicate = grid_groups(structure)
    assert sorted(arm.tolist()) == [0, 1, 2, 3]
    assert replicate.tolist() == [0, 0, 0, 0]
