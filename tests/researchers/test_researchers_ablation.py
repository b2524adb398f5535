"""Methods of the grammar without each of their channels."""

import json

import pytest

from istar.methods.side_by_side import MethodFile
from istar.researchers import PRIMITIVES, PrimitiveError, ResearcherError, ablations
from istar.researchers.grammar.sentence import Sentence

CHANNELS = (
    PRIMITIVES.get("logit_lens").with_values(DEPTH=0.9),
    PRIMITIVES.get("attention_gates").with_values(POINTS=1),
    PRIMITIVES.get("logit_lens").with_values(DEPTH=0.1),
)


def parameters(*channels):
    """What a proposal holds of a sentence, as it reads back from the ledger."""
    return json.loads(json.dumps({"sentence": Sentence(channels).to_json()}))


def test_each_channel_is_left_out_once():
    found = ablations("whole", parameters(*CHANNELS))
    assert found == {
        "whole without lens90": Sentence(CHANNELS[1:]).file,
        "whole without gates1": Sentence((CHANNELS[0], CHANNELS[2])).file,
        "whole without lens10": Sentence(CHANNELS[:2]).file,
    }


def test_of_two_channels_each_is_left_alone():
    found = ablations("pair", parameters(*CHANNELS[:2]))
    assert found == {
        "pair without gates1": MethodFile(CHANNELS[0].source),
        "pair without lens90": MethodFile(CHANNELS[1].source),
    }


def test_what_has_no_parts_is_refused():
    with pytest.raises(ResearcherError, match="'lens90' has a single channel, so there is no part to leave out"):
        ablations("lens90", parameters(CHANNELS[0]))
    with pytest.raises(ResearcherError, match="'mine' is not a sentence of the grammar"):
        ablations("mine", {"layer": 12})


def test_a_word_that_has_changed_is_named():
    old = parameters(*CHANNELS[:2])
    (lens,) = (channel for channel in old["sentence"] if channel["kind"] == "logit_lens")
    lens["depth"] = 0.87
    with pytest.raises(PrimitiveError, match=r"DEPTH of the primitive 'logit_lens' is one of .*, not 0\.87"):
        ablations("old", old)
