from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from istar.questions import Entropy, Intervention, KLFrom, Run, SpanLogprob, SpanMargin, build_trie


@dataclass(frozen=True)
class Push(Intervention):
    kind: ClassVar[str] = "push"
    strength: int


@st.composite
def random_runs(draw):
    runs = []
    for _ in range(draw(st.integers(1, 10))):
        tokens = (0, *draw(st.lists(st.integers(0, 2), min_size=1, max_size=6)))
        foil = tuple(draw(st.lists(st.integers(0, 2), min_size=1, max_size=3)))
        readout = draw(st.sampled_from([SpanLogprob(1), SpanMargin(1, foil), Entropy(), KLFrom((0, *foil))]))
        runs.append(Run(tokens, readout, draw(st.sampled_from([None, Push(1), Push(2)]))))
    return runs


def model_of(run, path):
    return "" if path.plain or run.intervention is None else run.intervention.key


def prefixes(runs):
    """The set of (model, prefix) pairs over all paths: the definition of unique tokens."""
    return {
        (model_of(run, path), path.tokens[: end + 1])
        for run in runs
        for path in run.paths
        for end in range(len(path.tokens))
    }


def spelled(trie, node):
    chain = trie.ancestors(node)
    return trie.interventions[trie.root[node]], tuple(int(trie.token[each]) for each in chain)


@given(random_runs())
def test_nodes_are_the_unique_prefixes(runs):
    trie = build_trie(runs)
    nodes = [spelled(trie, node) for node in range(trie.unique_tokens)]
    assert len(nodes) == len(set(nodes))
    assert set(nodes) == prefixes(runs)


@given(random_runs())
def test_paths_and_reads_end_where_the_readout_says(runs):
    trie = build_trie(runs)
    paths = [(row, run, path) for row, run in enumerate(runs) for path in run.paths]
    assert trie.path_row.tolist() == [row for row, _, _ in paths]
    for number, (_, run, path) in enumerate(paths):
        assert spelled(trie, int(trie.path_leaf[number])) == (model_of(run, path), path.tokens)
        read = [spelled(trie, int(node))[1] for node in trie.reads[number]]
        assert read == [path.tokens[: position + 1] for position in path.reads]


@given(random_runs())
def test_parents_come_before_children_and_depth_counts_them(runs):
    trie = build_trie(runs)
    for node, parent in enumerate(trie.parent):
        assert parent < node
        assert trie.depth[node] == (0 if parent < 0 else trie.depth[parent] + 1)
        assert parent < 0 or trie.root[node] == trie.root[parent]


def test_shared_prefixes_are_stored_once():
    context = tuple(range(100))
    runs = [Run((*context, 200 + row, 1), SpanLogprob(101)) for row in range(8)]
    trie = build_trie(runs)
    assert trie.unique_tokens == 100 + 8
    assert np.bincount(trie.depth).tolist() == [1] * 100 + [8]


def test_runs_under_different_interventions_share_nothing():
    runs = [Run((0, 1, 2), Entropy(), intervention) for intervention in (None, Push(1), Push(2), Push(1))]
    trie = build_trie(runs)
    assert trie.unique_tokens == 9
    assert trie.interventions == ("", Push(1).key, Push(2).key)


def test_the_reference_of_a_kl_runs_on_the_plain_model():
    trie = build_trie([Run((0, 1), KLFrom((0, 2)), Push(1)), Run((0, 2), Entropy())])
    assert spelled(trie, int(trie.path_leaf[1])) == ("", (0, 2))
    assert trie.path_leaf[1] == trie.path_leaf[2]
