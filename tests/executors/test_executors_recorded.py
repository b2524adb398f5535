"""The curves of recorded methods of every kind are those that are kept, to the last bit.

A refactoring changes none. What changes what the executor believes writes them anew (`recorded_curves.py`), and the
difference shows what it did.
"""

import json
import math
import warnings

import pytest
from recorded_curves import CASES, FOLDER, KINDS, PLANNED, in_new_process, path_of

ROUNDING = 1e-9
"""Of the largest number of a series, where libraries or processors are others than those the numbers were kept on."""
STEADY = ("context_attribution/facts-subsets", "context_attribution/facts-loo", "finetune_side_effects/skills")
STEADY += ("loss_quantile/symbols", "rare_output/symbols", "label_free_accuracy/cities")
"""The tasks where other instructions change rounding alone; elsewhere near ties, and draws from covariances with equal
eigenvalues, decide otherwise what is bought, and only what is not bought by them can be compared."""
SAMPLE = (
    "shot_shapley/symbols",
    "context_attribution/facts-subsets",
    "memorisation/lists",
    "sandbag_or_failure/password",
)
SAMPLE += ("loss_quantile/symbols", "label_free_accuracy/cities", "prompt_ceiling/words")
"""Tasks in every run: answers linear and not, tails, contests of arms, sealed rows, methods alone and side by side; the
others are tried by `make trust`."""
OF_CURVES = ("task", "question_hash", "seed", "arm", "brute_flops", "total_rows", "checkpoints", "reference_loss")
ALWAYS = (*(f"curve.{name}" for name in OF_CURVES), "listened")


def differences(kept, found, *, same, steady):
    """Return the names of the numbers that differ.

    Args:
        kept: the entry as it is kept.
        found: as it is now.
        same: whether everything is the same that the last bits depend on.
        steady: whether elsewhere rounding changes no purchase.
    """
    if same:
        return [
            name for name in {**kept, **found} if name not in kept or name not in found or kept[name] != found[name]
        ]
    names = [name for name in kept if not name.endswith("sha256")] if steady else ALWAYS
    return [name for name in names if name not in found or not near(kept[name], found[name])]


def near(kept, found):
    """Return whether two numbers or lists of numbers differ by rounding alone; whole numbers and texts may not."""
    if not isinstance(kept, list):
        kept, found = [kept], [found]
    floats = [each for each in kept if isinstance(each, float) and not math.isnan(each)]
    if len(kept) != len(found) or not floats:
        return kept == found
    most = ROUNDING * max(map(abs, floats))
    return all(
        one == other
        if one is None or other is None
        else (math.isnan(one) and math.isnan(other)) or abs(one - other) <= most
        for one, other in zip(kept, found, strict=True)
    )


def kept_entries(name):
    return json.loads(path_of(name).read_text())


@pytest.fixture(scope="module")
def made():
    """What is found now of the tasks of a kind, those of `SAMPLE` or the others; made when it is first asked for."""
    parts = {}

    def of(kind, sampled):
        if (kind, sampled) not in parts:
            names = [name for _, name in KINDS[kind] if (name in SAMPLE) == sampled]
            parts[kind, sampled] = in_new_process(kind, names)
        return parts[kind, sampled]

    return of


@pytest.mark.slow
@pytest.mark.parametrize(
    "task",
    [task if task[1] in SAMPLE else pytest.param(task, marks=pytest.mark.trust) for task in CASES],
    ids=lambda task: task[1],
)
def test_curves_of_recorded_methods_are_those_that_are_kept(task, made):
    _, name = task
    now = made("planned" if task in PLANNED else "unplanned", name in SAMPLE)
    surroundings = json.loads((FOLDER / "surroundings.json").read_text())
    same = now["surroundings"] == surroundings
    if not same:
        warnings.warn(f"compared up to rounding: {now['surroundings']} instead of {surroundings}", stacklevel=1)
    kept, found = kept_entries(name), now["tasks"][name]
    assert list(found) == list(kept)
    differing = {
        f"{said}: {field}": (kept[said].get(field), found[said].get(field))
        for said in kept
        for field in differences(kept[said], found[said], same=same, steady=name in STEADY)
    }
    assert not differing, json.dumps(differing, indent=1)[:4000]


def test_kept_curves_tell_of_every_kind():
    """Otherwise the test would hold little: methods that are heard, and that are not, in tasks planned and not."""
    for kind, tasks in KINDS.items():
        heard = [entry for _, name in tasks for entry in kept_entries(name).values()]
        assert {entry["listened"] for entry in heard} == {True, False}, kind
        assert {entry["curve.channel_batches"][-1] > 0 for entry in heard} == {True, False}, kind
    sampled = {method for (_, name), methods in CASES.items() if name in SAMPLE for method in methods}
    assert len(sampled) >= 10


@pytest.mark.parametrize("name", ["label_free_accuracy/cities"])
def test_a_last_bit_is_a_difference(name):
    """Of any number: a comparison that overlooks one would guard nothing."""
    for entry in kept_entries(name).values():
        assert differences(entry, entry, same=True, steady=True) == []
        assert differences(entry, entry, same=False, steady=True) == []
        for field, value in entry.items():
            last = value[-1] if isinstance(value, list) else value
            if not isinstance(last, float) or math.isnan(last):
                continue
            for other, seen in ((math.nextafter(last, math.inf), False), (last + 1e-6 * (abs(last) + 1), True)):
                changed = {**entry, field: [*value[:-1], other] if isinstance(value, list) else other}
                assert differences(entry, changed, same=True, steady=True) == [field]
                # a last number far below the others of its series may be less than their rounding
                if seen and not isinstance(value, list):
                    assert differences(entry, changed, same=False, steady=True) == [field]
                if not seen:
                    assert differences(entry, changed, same=False, steady=True) == [] or last == 0.0
