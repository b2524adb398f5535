"""What `quantisation_harm` asks, read back from its rows."""

from __future__ import annotations

import numpy as np
import pytest

from istar.questions import Quantise, SpanLoss
from istar.seeds import Seed
from istar.targets import load_target
from istar.tasks import Family, TaskError
from istar.tasks.quantisation_harm import QuantisationHarm
from istar.testing.families import ByteTokenizer, FamilyConformance

SMALL = QuantisationHarm(depths=4, bits=(2, 3), texts=4, sentences=2)
DATA_SETS = pytest.mark.parametrize("data_set", SMALL.data_sets)


def made(data_set, index=0, tokenizer=None):
    return SMALL.question(data_set, tokenizer or ByteTokenizer(), Seed.root(0), index)


class TestQuantisationHarmConformance(FamilyConformance):
    least_ratio = 40

    def make(self) -> Family:
        return SMALL


@DATA_SETS
def test_every_setting_reads_every_text(data_set):
    asked = made(data_set)
    by_setting = {}
    for setting, run in zip(asked.structure.levels("setting"), asked.runs, strict=True):
        assert run.readout == SpanLoss()
        by_setting.setdefault(int(setting), []).append(run)
    assert len(by_setting) == 1 + 4 * 2 * 2
    assert len({tuple(run.tokens for run in runs) for runs in by_setting.values()}) == 1
    assert len({run.tokens for run in by_setting[0]}) == 4
    changes = [{run.intervention for run in runs} for runs in by_setting.values()]
    assert changes[0] == {None}
    assert len(set.union(*changes)) == len(changes), "one change a setting, another for each"


@DATA_SETS
def test_columns_tell_of_the_change(data_set):
    structure = made(data_set).structure
    for row, run in enumerate(made(data_set).runs):
        part, bits, depth = (structure[name][row] for name in ("part", "bits", "depth"))
        if run.intervention is None:
            assert (part, bits, depth) == (0, 0, 0)
        else:
            assert run.intervention == Quantise(depth, ("attention", "mlp")[int(part) - 1], int(bits))
            assert bits in SMALL.bits
    depths = sorted({run.intervention.depth for run in made(data_set).runs if run.intervention})
    assert depths[0] == 0.0, "the first block"
    assert [int(depth * 4) for depth in depths] == [0, 1, 2, 3], "one in each quarter of the network"


def test_texts_are_sentences_of_their_kind():
    tokenizer = ByteTokenizer()
    for data_set, most in (("statements", 2), ("stories", 2)):
        for run in made(data_set).runs[:4]:
            text = tokenizer.decode(run.tokens)
            assert text.endswith((".", '"'))
            assert text.count(". ") <= most
            assert "{" not in text


def test_fewer_bits_harm_more_on_a_target():
    """On random weights the loss of random text may fall; what must grow is how far values move."""
    target = load_target("tiny-random")
    asked = made("stories", tokenizer=target.tokenizer)
    values = target.values(asked.runs).numpy()
    setting, bits, text = (asked.structure.levels(name) for name in ("setting", "bits", "text"))
    clean = values[setting == 0]
    moved = np.abs(values - clean[text])
    assert moved[bits == 2].mean() > 1.5 * moved[bits == 3].mean() > 0
    answer = asked.functional.answer(values, asked.structure)
    means = [values[setting == level].mean() - clean.mean() for level in range(1, setting.max() + 1)]
    np.testing.assert_allclose(answer, means)


def test_more_sentences_than_a_story_has():
    with pytest.raises(TaskError, match="texts of 13 sentences; there are 1 to 12"):
        QuantisationHarm(sentences=13).question("stories", ByteTokenizer(), Seed.root(0), 0)
