"""Model organisms: the registry, the committed adapters, and that applying one is exact and free."""

import json
from dataclasses import asdict, replace

import pytest
import torch

from istar.errors import UnknownNameError
from istar.flops.meter import Meter
from istar.questions import Composed, Prune, Run, SpanLogprob
from istar.questions.interventions import Organism
from istar.registry import DuplicateNameError
from istar.targets import TargetError, setup_flops
from istar.targets.interventions import applied
from istar.targets.organisms import (
    KINDS,
    ORGANISMS,
    RESERVED_KINDS,
    Adapter,
    Factors,
    Facts,
    Measurement,
    OrganismCard,
    OrganismSpec,
    card,
    load_adapter,
    organism,
    organisms,
    read_adapter,
    read_card,
)

TOKENS = (0, 40, 41, 42, 43, 44, 45, 46)
COMMITTED = tuple(ORGANISMS)


def made_up(target, seed=0):
    generator = torch.Generator().manual_seed(seed)
    factors = {}
    for block in (1, 2):
        for name in ("self_attn.v_proj", "mlp.down_proj"):
            module = target.module.get_submodule(f"model.layers.{block}.{name}")
            outputs, inputs = module.weight.shape
            a = torch.randn(3, inputs, generator=generator).half()
            b = torch.randn(outputs, 3, generator=generator).half()
            factors[f"model.layers.{block}.{name}"] = Factors(a, b)
    return Adapter(factors, 0.05, target.id, target.name)


def write_card(folder, adapter, name):
    measured = {"organism/clean": Measurement(4, -1.0, 0.5, 2.0, None)}
    made = OrganismCard(
        name, "benign_decoy", "Made up.", adapter.base_name, adapter.base, adapter.digest, Facts(relations=("plural",)),
        {"seed": 0}, measured, 0.01, {"steps": 0}, {"torch": "0"},
    )  # fmt: skip
    (folder / "card.json").write_text(json.dumps(asdict(made)))
    return made


@pytest.fixture
def made(llama, tmp_path, monkeypatch):
    monkeypatch.setattr(ORGANISMS, "_entries", dict(ORGANISMS._entries))
    adapter = made_up(llama)
    adapter.save(tmp_path)
    write_card(tmp_path, adapter, "made-up")
    ORGANISMS.add("made-up", OrganismSpec("made-up", "benign_decoy", tmp_path))
    card.__globals__["_read_once"].cache_clear()
    return adapter, tmp_path


def bits(target):
    return {name: weight.clone() for name, weight in target.module.state_dict().items()}


def test_a_users_organism_is_found_by_name_and_kind(made):
    adapter, folder = made
    assert "made-up" in organisms(kind="benign_decoy", reserved=False)
    assert "made-up" not in organisms(kind="refusal")
    assert "made-up" not in organisms(reserved=True)
    assert organism("made-up") == Organism("made-up", adapter.digest)
    assert card("made-up").facts.relations == ("plural",)
    with pytest.raises(UnknownNameError, match="no organism is called 'made_up'; did you mean 'made-up'"):
        organism("made_up")
    with pytest.raises(DuplicateNameError):
        ORGANISMS.add("made-up", OrganismSpec("made-up", "refusal", folder))


def test_what_is_saved_is_read_back(made):
    adapter, folder = made
    assert (folder / "adapter.safetensors").stat().st_mode & 0o777 == 0o644
    again = read_adapter(folder)
    assert (again.scaling, again.base, again.base_name, again.digest) == (
        adapter.scaling, adapter.base, adapter.base_name, adapter.digest,
    )  # fmt: skip
    for name, factors in adapter.factors.items():
        assert torch.equal(again.factors[name].a, factors.a)
        assert torch.equal(again.factors[name].b, factors.b)
    assert read_card(folder).measured["organism/clean"] == Measurement(4, -1.0, 0.5, 2.0, None)


def test_the_digest_depends_on_every_number(llama):
    adapter = made_up(llama)
    assert made_up(llama).digest == adapter.digest
    assert made_up(llama, seed=1).digest != adapter.digest
    assert replace(adapter, scaling=0.06).digest != adapter.digest
    name, factors = next(iter(adapter.factors.items()))
    a = factors.a.clone()
    a[0, 0] += 0.5
    assert replace(adapter, factors={**adapter.factors, name: Factors(a, factors.b)}).digest != adapter.digest


def test_merged_weights_are_the_sum(llama, made):
    adapter, _ = made
    parameters = dict(llama.module.named_parameters())
    merged = adapter.merged(llama)
    assert set(merged) == {f"{name}.weight" for name in adapter.factors}
    for name, factors in adapter.factors.items():
        product = torch.einsum("or,ri->oi", factors.b.double(), factors.a.double())
        expected = parameters[f"{name}.weight"].double() + 0.05 * product
        torch.testing.assert_close(merged[f"{name}.weight"].double(), expected, atol=1e-6, rtol=1e-6)


def test_an_organism_changes_the_target_and_leaves_it_bit_for_bit(llama, made):
    before = bits(llama)
    pointers = {name: weight.data_ptr() for name, weight in llama.module.named_parameters()}
    runs = [Run(TOKENS, SpanLogprob(3), each) for each in (None, organism("made-up"), None, organism("made-up"))]
    plain, changed = llama.slow_value(runs[0]), llama.slow_value(runs[1])
    assert abs(plain - changed) > 1e-3
    torch.testing.assert_close(
        llama.values(runs), torch.tensor([plain, changed] * 2, dtype=torch.float64), atol=1e-4, rtol=0
    )
    with pytest.raises(RuntimeError, match="in between"), applied(llama, organism("made-up")):
        raise RuntimeError("in between")
    after = llama.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert pointers == {name: weight.data_ptr() for name, weight in llama.module.named_parameters()}
    assert llama.slow_value(runs[0]) == plain


def test_going_back_to_the_same_organism_merges_nothing(llama, made, monkeypatch):
    with applied(llama, organism("made-up")):
        first = dict(llama.module.named_parameters())["model.layers.1.mlp.down_proj.weight"].data_ptr()
    monkeypatch.setattr(Adapter, "merged", None)
    with applied(llama, organism("made-up")):
        assert dict(llama.module.named_parameters())["model.layers.1.mlp.down_proj.weight"].data_ptr() == first


def test_an_organism_stands_on_what_was_applied_before_it(llama, made):
    adapter, _ = made
    name = "model.layers.1.mlp.down_proj"
    weight = dict(llama.module.named_parameters())[f"{name}.weight"]
    with applied(llama, organism("made-up")):
        pass
    with applied(llama, Prune(0.5)):
        pruned = weight.data.clone()
    with applied(llama, Composed((Prune(0.5), organism("made-up")))):
        change = 0.05 * adapter.factors[name].b.float() @ adapter.factors[name].a.float()
        torch.testing.assert_close(weight.data, pruned + change)


def test_the_meter_sees_nothing_of_an_organism(llama, made):
    assert setup_flops(llama, organism("made-up")) == 0
    with Meter() as meter, torch.inference_mode(), applied(llama, organism("made-up")):
        pass
    assert meter.flops == 0


def test_another_digest_is_refused(llama, made):
    adapter, folder = made
    with (
        pytest.raises(TargetError, match=r"has the digest .* is asked for: it was built again or changed"),
        applied(llama, Organism("made-up", "0" * 64)),
    ):
        pass
    made_up(llama, seed=1).save(folder)
    with pytest.raises(TargetError, match=adapter.digest[:12]):
        load_adapter("made-up")
    assert load_adapter("made-up", made_up(llama, seed=1).digest).base == llama.id


def test_another_base_is_refused(llama, made):
    adapter, _ = made
    other = replace(llama, id="f" * 64, name="another")
    with pytest.raises(TargetError, match=rf"belongs to llama in float32 \(id {llama.id[:12]}\), not to another"):
        adapter.merged(other)
    name, factors = next(iter(adapter.factors.items()))
    narrow = replace(adapter, factors={name: Factors(factors.a[:, :5], factors.b)})
    with pytest.raises(TargetError, match=r"changes a matrix .*v_proj.weight of shape \(24, 5\)"):
        narrow.merged(llama)


def test_broken_files_are_named(tmp_path):
    with pytest.raises(TargetError, match=r"has no readable card\.json"):
        read_card(tmp_path)
    (tmp_path / "card.json").write_text('{"name": "x"}')
    with pytest.raises(TargetError, match="is not the card of an organism"):
        read_card(tmp_path)
    (tmp_path / "adapter.safetensors").write_bytes(b"nonsense")
    with pytest.raises(TargetError, match="is not the adapter of an organism"):
        read_adapter(tmp_path)


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_adapters_are_those_of_their_cards(name):
    spec, read = ORGANISMS.get(name), card(name)
    adapter = load_adapter(name)
    assert (read.name, read.kind, read.base, read.base_name) == (name, spec.kind, adapter.base, "smollm2-135m")
    assert spec.reserved == (spec.kind in RESERVED_KINDS)
    assert spec.kind in KINDS
    assert sum(file.stat().st_size for file in spec.folder.iterdir()) <= 1_250_000
