import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from istar.questions import Entropy, Run, build_trie
from istar.targets.packing import chunks, preorder

sequences = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=24).map(tuple), min_size=1, max_size=25)


def trie_of(paths):
    return build_trie([Run(path, Entropy()) for path in paths])


@settings(max_examples=60, deadline=None)
@given(sequences)
def test_preorder_keeps_every_path(paths):
    trie = trie_of(paths)
    layout = preorder(trie, 0)
    assert sorted(layout.node.tolist()) == list(range(trie.unique_tokens))
    found = set()
    for slot, node in enumerate(layout.node.tolist()):
        chain = [*layout.ancestors(slot).tolist(), slot]
        assert layout.node[chain].tolist() == trie.ancestors(node)
        assert layout.depth[slot] == len(chain) - 1
        found.add(tuple(layout.token[chain].tolist()))
        below = [other for other in range(len(layout.node)) if slot in [*layout.ancestors(other).tolist(), other]]
        assert below == list(range(slot, layout.end[slot]))
    assert set(paths) <= found


@settings(max_examples=60, deadline=None)
@given(sequences, st.integers(4, 40), st.integers(4, 20))
def test_every_query_attends_to_its_ancestors_and_itself_and_to_nothing_else(paths, chunk_tokens, block_tokens):
    layout = preorder(trie_of(paths), 0)
    kept = np.empty(0, dtype=np.int64)
    seen = 0
    for chunk in chunks(layout, chunk_tokens, block_tokens):
        assert chunk.start == seen
        places = np.concatenate([kept, np.arange(chunk.start, chunk.stop)])
        assert len(kept) == chunk.path
        for block in chunk.blocks:
            assert chunk.start + block.start == seen
            for query in range(block.start, block.stop):
                slot = chunk.start + query
                attended = places[block.keys[block.mask[query - block.start]]]
                assert attended.tolist() == [*layout.ancestors(slot).tolist(), slot]
            seen = chunk.start + block.stop
        assert seen == chunk.stop
        kept = places[chunk.keep]
    assert seen == len(layout.node)


def test_pieces_are_near_the_size_asked_for():
    layout = preorder(trie_of([tuple(range(start, start + 100)) for start in range(40)]), 0)
    sizes = [chunk.stop - chunk.start for chunk in chunks(layout, 512, 64)]
    assert all(256 <= size <= 640 for size in sizes)
    # Forty sequences of a hundred tokens share nothing, so shallow cuts fall between them.
    starts = [chunk.start for chunk in chunks(layout, 512, 64)]
    assert set(layout.depth[starts].tolist()) == {0}


def test_nothing_to_pack():
    assert list(chunks(preorder(build_trie([]), 0))) == []
