import json

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from istar.flops import RULEBOOK, RULEBOOKS, Meter, Repricing, RepricingError, Rulebook, RulebookError
from istar.flops import rulebook_from_json as parsed
from istar.flops.rulebook import Rule


def changed(**rules):
    return Rulebook("other", {**RULEBOOK.rules, **{name: Rule(*rule) for name, rule in rules.items()}})


def test_prices_that_stay_stay():
    histogram = {"mm": 123, "_foreach_add_": 4, "nobody_knows_this": 16}
    assert Repricing(RULEBOOK, RULEBOOK).histogram(histogram) == histogram


def test_a_price_changes_in_proportion_and_what_becomes_free_is_left_out():
    repricing = Repricing(RULEBOOK, changed(exp=("pointwise", 4), add=("free", 0)))
    assert repricing.histogram({"exp_": 160, "_foreach_add_": 7, "mm": 5}) == {"exp_": 40, "mm": 5}
    assert repricing.flops({"exp": 160, "mm": 5}) == 45


@pytest.mark.parametrize(
    ("rules", "histogram", "words"),
    [
        ({"exp": ("reduced", 16)}, {"exp": 16}, "does not tell the one from the other"),
        ({"scatter": ("placed", 8)}, {"scatter": 16}, "does not tell the one from the other"),
        ({"exp": ("pointwise", 3)}, {"exp": 17}, "no multiple of its price in rulebook v2"),
        ({"brand_new": ("pointwise", 3)}, {"brand_new": 16}, "rulebook v2 has no price for 'brand_new'"),
    ],
)
def test_what_a_histogram_does_not_tell_is_an_error(rules, histogram, words):
    repricing = Repricing(RULEBOOK, changed(**rules))
    with pytest.raises(RepricingError, match=words):
        repricing.histogram(histogram)


def test_an_operation_that_was_counted_must_have_a_price():
    rules = {name: rule for name, rule in RULEBOOK.rules.items() if name != "exp"}
    with pytest.raises(RepricingError, match="rulebook other has no price for 'exp_'"):
        Repricing(RULEBOOK, Rulebook("other", rules)).flops({"exp_": 16})


def test_what_was_free_was_not_counted():
    with pytest.raises(RepricingError, match=r"does not leave free what v2 did \(zeros\)"):
        Repricing(RULEBOOK, changed(zeros=("moved", 1)))
    with pytest.raises(RepricingError, match=r"and \d+ more"):
        Repricing(RULEBOOKS["v2-products"], RULEBOOK)


def test_v1_is_converted_to_v2_where_histograms_allow_and_says_what_it_took_for_granted():
    repricing = Repricing(RULEBOOKS["v1"], RULEBOOK)
    histogram = {"mm": 60, "add": 12, "exp": 32, "fill_": 7, "gather": 8, "mv": 6, "sum": 5}
    assert repricing.histogram(histogram) == histogram
    assert repricing.assumed == {"mm", "add", "exp", "fill", "gather", "mv", "sum"}
    for operation in ("sort", "bitwise_and", "linalg_lu_solve", "_cdist_forward", "equal"):
        with pytest.raises(RepricingError, match="does not tell the one from the other"):
            repricing.histogram({operation: 8})
    with pytest.raises(RepricingError, match="rulebook v2 has no price for 'mkldnn_rnn_layer'"):
        repricing.histogram({"mkldnn_rnn_layer": 8})


def test_products_alone_are_what_torchs_own_counter_counts():
    layer = torch.nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    meter, torchs = Meter(RULEBOOKS["v1-products"]), FlopCounterMode(display=False)
    with meter:
        layer(torch.rand(2, 5, 16)).sum().backward()
    with torchs:
        layer(torch.rand(2, 5, 16)).sum().backward()
    assert meter.flops == meter.matmul_flops > 0
    fused = sum(flops for name, flops in meter.by_op.items() if "flash" in name)  # unknown to torch's counter
    assert meter.flops - fused == torchs.get_total_flops()


def test_a_rulebook_survives_json():
    for rulebook in RULEBOOKS.values():
        assert parsed(json.dumps(rulebook.to_json()), "here") == rulebook


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "here is no JSON"),
        ("[" * 100_000, "here is no JSON"),
        ("[]", "give an object with `version` and `rules`"),
        ('{"version": "a", "rules": {}, "more": 1}', "give an object"),
        ('{"version": "a", "rules": []}', "give an object"),
        ('{"version": "", "rules": {}}', "version is a name of up to 20"),
        ('{"version": 1, "rules": {}}', "version is a name of up to 20"),
        ('{"version": "a", "rules": {"mm": ["guess", 1]}}', r"rule of 'mm' is \['guess', 1\]"),
        ('{"version": "a", "rules": {"mm": ["per_output", -1]}}', "number from 0 to"),
        ('{"version": "a", "rules": {"mm": ["per_output", true]}}', "number from 0 to"),
        ('{"version": "a", "rules": {"mm": [["per_output"], 1]}}', "rule of 'mm'"),
        ('{"version": "a", "rules": {"mm": "free"}}', "rule of 'mm'"),
    ],
)
def test_a_file_that_is_no_rulebook_says_what_is_wrong(text, words):
    with pytest.raises(RulebookError, match=words):
        parsed(text, "here")
