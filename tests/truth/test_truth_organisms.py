"""A question of each family about organisms is rebuilt from scratch on a small target."""

from dataclasses import replace

import numpy as np
import pytest
from small_organisms import STORE, TARGET, TASKS, small_organisms

from istar.tasks import tasks
from istar.truth import TableKey, build_table, shipped_folder
from istar.truth.parquet import ParquetStore


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    with small_organisms(tmp_path_factory.mktemp("organisms")) as found:
        yield found


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_question_about_organisms_is_what_its_table_says(task, target, tmp_path):
    stored = STORE.read(TableKey(target.id, task.name, 0))
    question = task.question(target.tokenizer, 0)
    assert question.hash == stored.question.hash
    assert any(run.intervention is not None for run in question.runs)
    built = build_table(target, question, folder=tmp_path)
    np.testing.assert_allclose(built.values, stored.values, rtol=1e-3, atol=1e-3 * np.abs(stored.values).max())
    # set-ups have whole numbers in them, which rulebook v2 counts by their width
    assert stored.brute_flops <= built.brute_flops <= stored.brute_flops * (1 + 1e-6)


def test_organisms_change_what_the_target_says(target):
    for task in TASKS[:2]:
        stored = STORE.read(TableKey(target.id, task.name, 0))
        changed = [row for row, run in enumerate(stored.question.runs) if run.intervention is not None][:3]
        plain = target.slow_values([replace(stored.question.runs[row], intervention=None) for row in changed])
        assert np.abs(np.array(plain) / stored.values[changed] - 1).max() > 0.01


def test_every_family_has_a_question_on_a_small_target():
    small = {digest.key.task for digest in ParquetStore(shipped_folder()).digests() if digest.target_name == TARGET}
    small |= {each.name for each in TASKS}
    assert {name.partition("/")[0] for name in small} == {each.family.name for each in tasks()}
