"""Looking at modified targets: the context manager, and the method that compares streams under it."""

import numpy as np
import pytest
import torch

from istar.methods import block_at, check_source, under
from istar.questions import Ablate, Run, SpanLogprob, WeightNoise
from istar.targets.appliers import replaced
from istar.targets.interventions import APPLIERS, applied

QUESTION = "words on a modified target"
WORDS = ("Q", "ZZ", "Xq", "742", "JK")


def weights(target):
    return {name: weight.clone() for name, weight in target.module.named_parameters()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_target_is_modified_inside_and_as_before_outside(target):
    run = Run((target.bos, 5, 6), SpanLogprob(1), WeightNoise(3, 0.1))
    before = weights(target)
    with under(target, run) as modified:
        assert modified is target
        assert not same(before, weights(target))
    assert same(before, weights(target))
    with pytest.raises(ZeroDivisionError), under(target, run):
        raise ZeroDivisionError
    assert same(before, weights(target))
    with under(target, Run(run.tokens, run.readout)):
        assert same(before, weights(target))


@pytest.mark.parametrize("depth", [0.0, 0.3, 0.5, 0.9])
def test_an_intervention_acts_in_the_block_at_its_depth(target, depth):
    """What enters that block is as without the intervention, what leaves it is not; hooks see both."""
    plain = Run((target.bos, 5, 6, 7), SpanLogprob(1))
    block = block_at(target, depth)

    def entering(run, layer):
        seen = []
        target.run([run], hooks={layer: lambda stream, positions: seen.append(stream.clone())})
        return seen[0]

    modified = Run(plain.tokens, plain.readout, Ablate(depth, "mlp"))
    assert torch.equal(entering(modified, block), entering(plain, block))
    assert not torch.allclose(entering(modified, block + 1), entering(plain, block + 1))


def test_methods_may_ask_for_it():
    source = (
        "from istar.methods import Interpretation, block_at\n\n\ndef interpret(target, corpus):\n"
        "    return Interpretation()\n\n\ndef predict(question, runs, target, interpretation, prepared):\n"
        "    return [block_at(target, run.intervention.depth) for run in runs]\n"
    )
    assert not check_source(source)


def states(target, tokens, layer):
    with torch.no_grad():
        found = target.module(torch.tensor([tokens]), output_hidden_states=True).hidden_states
    return found[layer][0, 1:]


def test_activation_differences_are_those_of_hugging_faces_hidden_states(questions, target, run_method):
    question = questions[QUESTION]
    channels = run_method("activation_difference", question)
    for run, (last, most) in zip(question.runs, channels, strict=True):
        (word,) = [word for word in WORDS if target.encode(word) == run.tokens[1 : 1 + len(target.encode(word))]]
        tokens = (target.bos, *target.encode(word))
        plain = states(target, tokens, 2)
        with applied(target, run.intervention):
            moved = states(target, tokens, 2)
        expected = ((moved - plain).norm(dim=-1) / plain.norm(dim=-1)).numpy()
        assert last == pytest.approx(expected[-1], rel=1e-4)
        assert most == pytest.approx(expected.max(), rel=1e-4)


def test_contexts_of_a_candidate_cost_nothing_more(questions, run_method):
    channels = run_method("activation_difference", questions[QUESTION])
    candidates = questions[QUESTION].structure.levels("candidate")
    for candidate in set(candidates.tolist()):
        assert len(np.unique(channels[candidates == candidate], axis=0)) == 1
    assert len(np.unique(channels, axis=0)) == 5


def test_blocks_below_the_first_changed_one_run_once(questions, target, run_method, monkeypatch):
    """With only the last block changed the distances are its own, and all below is shared."""
    name = "model.layers.3.mlp.down_proj.weight"

    def last_block_alone(target, intervention):
        return replaced(target, {name: 1.5 * target.module.get_parameter(name).detach()})

    monkeypatch.setitem(APPLIERS._entries, "weight_noise", last_block_alone)
    question = questions[QUESTION]
    channels = run_method("activation_difference", question)
    tokens = (target.bos, *target.encode(WORDS[0]))
    found = []
    hook = target.anatomy.mlps[-1].register_forward_hook(lambda _, __, output: found.append(output[0, 1:]))
    with hook:
        before_norm = target.forward(torch.tensor([tokens]))[0, 1:]
    expected = 0.5 * found[0].norm(dim=-1) / before_norm.norm(dim=-1)
    assert channels[0, 0] == pytest.approx(float(expected[-1]), rel=1e-3)


def test_a_model_whose_weights_are_as_they_were_has_no_channel(questions, run_method):
    edits = [
        (
            "with under(target, run):\n            changed",
            "with under(target, Run(run.tokens, run.readout)):\n            changed",
        )
    ]
    assert run_method("activation_difference", questions[QUESTION], edits).shape == (10, 0)
