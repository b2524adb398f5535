import json
from collections import Counter

import numpy as np
import pytest
from synthetic_search import deep_and_brief, has_tuned_lens, search

from istar.researchers import PRIMITIVES, EvolveResearcher, Feedback, Proposal, RandomResearcher, ResearcherError
from istar.researchers.evolve import Cell
from istar.researchers.grammar.drawing import draw_blindly
from istar.researchers.grammar.variation import Fresh, Mutation, Recombination
from istar.seeds import Seed


def lens(depth):
    return {"kind": "logit_lens", "depth": depth}


def sentence(*channels):
    """The proposal with these channels, each a logit lens at a depth counted from the shallowest."""
    fixed = {"channels": len(channels)}
    for slot, depth in enumerate(channels, 1):
        fixed |= {f"{slot}.kind": "logit_lens", f"{slot}.logit_lens.depth": depth}
    return draw_blindly(Seed.root(0), fixed)


def told(*tellings, **options):
    researcher = EvolveResearcher(**options)
    for proposal, feedback in tellings:
        researcher.remember(proposal)
        researcher.update(proposal, feedback)
    return researcher


def test_archive_keeps_the_best_of_each_cell():
    """Of the two best in a cell the later one."""
    tellings = [
        (sentence(0), Feedback(0.1, cost=2**-11, families={"a": 0.3, "b": -0.1})),
        (sentence(1), Feedback(0.4, cost=2**-10.5, families={"a": 0.5, "b": 0.3})),
        (sentence(2), Feedback(0.3, cost=2**-10.9, families={"a": 0.4, "b": 0.2})),
        (sentence(3), Feedback(-0.2, cost=2**-11, families={"a": -0.3, "b": -0.1})),
        (sentence(4), Feedback(0.2, cost=0.4, families={"a": 0.3, "b": 0.1})),
        (sentence(5), Feedback(0.4, cost=2**-11, families={"a": 0.5, "b": 0.3})),
    ]
    archive = told(*tellings, cost_bins=6).archive()
    assert {cell: (elite.proposal, elite.reward) for cell, elite in archive.items()} == {
        Cell(0, ("a",)): (sentence(5), 0.4),
        Cell(0, ("b",)): (sentence(3), -0.2),
        Cell(5, ("a",)): (sentence(4), 0.2),
    }


def test_what_did_not_come_through_training_is_not_in_the_archive():
    researcher = told(
        (sentence(0), Feedback(None, stage="train", error="it failed")),
        (sentence(1), Feedback(-0.6, stage="screen", error="pruned")),
        (sentence(2), Feedback(0.1, stage="validation", error="it failed there", cost=0.1, families={"a": 0.1})),
    )
    assert [elite.proposal for elite in researcher.archive().values()] == [sentence(2)]


def test_without_families_the_kinds_of_channels_tell_methods_apart():
    researcher = EvolveResearcher()
    search(researcher, has_tuned_lens, 60)
    cells = researcher.archive()
    for cell, elite in cells.items():
        assert cell.cost is None
        assert set(cell.profile) == {channel["kind"] for channel in elite.proposal.parameters["sentence"]}
    assert len({len(cell.profile) for cell in cells}) > 1


@pytest.mark.parametrize(
    ("cost", "expected"), [(0.0, 0), (2**-12, 0), (2**-10 * 0.99, 0), (2**-9.9, 1), (0.2499, 4), (0.26, 5), (1.7, 5)]
)
def test_bins_of_cost_are_equal_on_the_logarithm(cost, expected):
    (cell,) = told((sentence(0), Feedback(0.0, cost=cost, families={"a": 0.0})), cost_bins=6).archive()
    assert cell.cost == expected


def channels(proposal):
    return [tuple(sorted(channel.items())) for channel in proposal.parameters["sentence"]]


def test_recombination_takes_different_channels_of_both_parents():
    """Parents that share a channel, or have many, give one to three channels, of each parent at least one."""
    lengths = Counter()
    for number in range(60):
        seed = Seed.root(number)
        parents = [draw_blindly(seed.split(place)) for place in range(2)]
        if parents[0].source == parents[1].source:
            continue  # no search holds a method twice
        child = Recombination().vary(parents, seed)
        found, sources = channels(child), [set(channels(parent)) for parent in parents]
        assert set(found) <= sources[0] | sources[1]
        assert len(set(found)) == len(found) <= 3
        assert all(set(found) & source for source in sources)
        assert child.parents == tuple(parent.hash for parent in parents)
        assert child.parameters["variation"] == "recombination"
        lengths[len(found)] += 1
    assert set(lengths) == {2, 3}


def test_recombination_of_parents_that_share_a_channel():
    for number in range(20):
        child = Recombination().vary([sentence(0), sentence(0, 1)], Seed.root(number))
        assert sorted(channels(child)) == sorted(channels(sentence(0, 1)))


def test_channels_that_were_drawn_twice_count_once():
    drawn_twice = sentence(3, 3, 4)
    assert len(channels(drawn_twice)) == 2
    child = Recombination().vary([drawn_twice, sentence(5)], Seed.root(1))
    assert len(set(channels(child))) == len(channels(child)) == child.parameters["drawn"]["channels"]


def test_mutation_draws_one_choice_again():
    parent = draw_blindly(Seed.root(1), {"channels": 2, "1.kind": "tuned_lens", "2.kind": "reduced_vocabulary"})
    changed = Counter()
    for number in range(100):
        child = Mutation().vary([parent], Seed.root(number))
        before, after = parent.parameters["drawn"], child.parameters["drawn"]
        differing = {name for name in before.keys() & after.keys() if before[name] != after[name]}
        assert child.parents == (parent.hash,)
        differing |= before.keys() ^ after.keys()
        changed[tuple(sorted(differing))] += 1
        assert "channels" in differing or len({name.split(".")[0] for name in differing}) <= 1
    assert len(changed) > 5


def test_fresh_sentences_have_no_parents():
    assert Fresh().vary([], Seed.root(0)).parents == ()


def test_it_begins_with_each_primitive_alone_and_then_breeds_from_the_archive():
    researcher, alone = EvolveResearcher(), len(PRIMITIVES)
    search(researcher, deep_and_brief, alone + 70)
    proposals = [proposal for proposal, _ in researcher.told]
    assert {proposal.parameters["sentence"][0]["kind"] for proposal in proposals[:alone]} == set(PRIMITIVES)
    assert {len(proposal.parameters["sentence"]) for proposal in proposals[:alone]} == {1}
    made = Counter(proposal.parameters["variation"] for proposal in proposals[alone:])
    assert made["mutation"] > made["recombination"] > made["fresh"] > 0
    for number, proposal in enumerate(proposals):
        assert (
            len(proposal.parents) == {"fresh": 0, "mutation": 1, "recombination": 2}[proposal.parameters["variation"]]
        )
        before = told(*researcher.told[:number])
        assert set(proposal.parents) <= {elite.proposal.hash for elite in before.archive().values()}


def test_parents_are_drawn_from_cells_uniformly():
    """Of nine methods in one cell and one each in two others, every cell is a parent equally often."""
    tellings = [(sentence(depth), Feedback(-0.1 * depth, cost=0.3, families={"a": 0.1})) for depth in range(9)]
    tellings += [
        (sentence(0, 1), Feedback(-0.5, cost=0.3, families={"b": -0.5})),
        (sentence(0, 2), Feedback(-0.9, cost=2**-11, families={"b": -0.9})),
    ]
    researcher = told(*tellings, warm_up=0, mutation=1.0, recombination=0.0)
    parents = Counter()
    for number in range(300):
        (parent,) = researcher._vary(list(researcher.archive().values()), Seed.root(number)).parents
        parents[parent] += 1
    assert set(parents) == {sentence(0).hash, sentence(0, 1).hash, sentence(0, 2).hash}
    assert min(parents.values()) > 70


SEEDS = (0, 1, 2)


def described(proposal):
    """A cost that grows with the depths read, and two families, which differ by what the first channel is."""
    channels = proposal.parameters["sentence"]
    tilt = 0.5 if channels[0]["kind"] < "l" else -0.5
    reward = has_tuned_lens(proposal)
    cost = 0.1 * sum(channel.get("depth", 1.0) for channel in channels)
    return Feedback(reward, cost=cost, families={"one": reward + tilt, "other": reward - tilt})


def test_it_finds_more_of_what_is_rewarded_than_chance():
    bred = [np.mean(search(EvolveResearcher(), described, 200, seed)[-50:]) for seed in SEEDS]
    blind = [np.mean(search(RandomResearcher(), described, 200, seed)[-50:]) for seed in SEEDS]
    assert np.mean(bred) > np.mean(blind) + 0.15


def test_a_search_resumed_from_its_ledger_breeds_from_the_same_archive():
    undisturbed, resumed = EvolveResearcher(warm_up=2), EvolveResearcher(warm_up=2)

    def feedback(proposal):
        families = {"a": deep_and_brief(proposal), "b": 0.5}
        return Feedback(deep_and_brief(proposal), cost=len(proposal.source) / 20_000, families=families)

    for iteration in range(12):
        proposal = undisturbed.propose(Seed.root(2).split(iteration))
        undisturbed.update(proposal, feedback(proposal))
        stored = json.loads(json.dumps(proposal.to_json(), sort_keys=True))
        again = Proposal.from_json(stored)
        resumed.remember(again)
        resumed.update(again, feedback(again))
    assert resumed.archive() == undisturbed.archive()
    assert resumed.propose(Seed.root(3)) == undisturbed.propose(Seed.root(3))
    restored = EvolveResearcher(warm_up=2)
    restored.restore(json.loads(json.dumps(undisturbed.state())))
    assert restored.archive() == undisturbed.archive()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mutation": 1.5}, "evolve researcher's mutation must be a number from 0.0 to 1.0, not 1.5"),
        ({"recombination": "half"}, "recombination must be a number from 0.0 to 1.0, not 'half'"),
        ({"mutation": 0.7, "recombination": 0.4}, "must add up to at most 1, not 1.1"),
        ({"cost_bins": 0}, "cost_bins must be a whole number from 1 to 100, not 0"),
        ({"warm_up": -1}, "warm_up must be a whole number from 0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ResearcherError, match=message):
        EvolveResearcher(**options)


def test_shares_that_add_up_to_one_leave_nothing_fresh():
    researcher = EvolveResearcher(warm_up=3, mutation=0.9, recombination=0.1)
    search(researcher, deep_and_brief, 20)
    assert {proposal.parameters["variation"] for proposal, _ in researcher.told[3:]} <= {"mutation", "recombination"}
