"""The plan of a packed forward pass: each unique token of a trie once, in one flat sequence, without padding.

Everything in a transformer but attention treats tokens one by one, so the tokens of a trie may stand in one flat
sequence in any order. We take preorder. In preorder, whatever comes before a stretch of tokens and is attended from
it is an ancestor of the stretch's first token. Two things follow: a trie of any size is processed in chunks while
keeping the keys and values of a single path, and the keys of a block of queries are one path and the block itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

from istar.questions.trie import Trie

CHUNK_TOKENS = 1024
BLOCK_TOKENS = 64


@dataclass(frozen=True)
class Preorder:
    """The tokens that one model processes, in preorder; a `slot` is a place in that order.

    Attributes:
        node: the trie's node at each slot.
        parent: slot of the parent, -1 at the first token of a path.
        token: token at each slot.
        depth: number of tokens before it on its path.
        end: one past the last slot of the subtree.
    """

    node: Int[np.ndarray, " slots"]
    parent: Int[np.ndarray, " slots"]
    token: Int[np.ndarray, " slots"]
    depth: Int[np.ndarray, " slots"]
    end: Int[np.ndarray, " slots"]

    def ancestors(self, slot: int) -> Int[np.ndarray, " ancestors"]:
        """Return the slots of the proper ancestors of a slot, shallowest first."""
        chain = np.empty(int(self.depth[slot]), dtype=np.int64)
        for depth in range(len(chain) - 1, -1, -1):
            slot = int(self.parent[slot])
            chain[depth] = slot
        return chain


@dataclass(frozen=True)
class Block:
    """Queries that attend to one set of keys.

    Attributes:
        start: first query, as a place in the chunk.
        stop: one past the last query.
        keys: places of the keys in the chunk's kept path followed by the chunk itself.
        mask: which query attends to which key.
    """

    start: int
    stop: int
    keys: Int[np.ndarray, " keys"]
    mask: Bool[np.ndarray, "queries keys"]


@dataclass(frozen=True)
class Chunk:
    """A stretch of slots that goes through the model in one call.

    Attributes:
        start: first slot.
        stop: one past the last slot.
        path: depths of the kept path: how many ancestors of the first slot lie before the chunk.
        blocks: cover the chunk in order.
        keep: places, in the kept path followed by the chunk, of the path that the next chunk needs.
    """

    start: int
    stop: int
    path: int
    blocks: tuple[Block, ...]
    keep: Int[np.ndarray, " next_path"]


def preorder(trie: Trie, root: int) -> Preorder:
    """Return the nodes of one root's model in preorder, children in the order in which they joined the trie."""
    nodes = np.flatnonzero(trie.root == root)
    parents = trie.parent.tolist()
    size = [0] * trie.unique_tokens
    for node in reversed(nodes.tolist()):
        size[node] += 1
        if parents[node] >= 0:
            size[parents[node]] += size[node]
    free_roots = 0
    slot = [0] * trie.unique_tokens
    free = [0] * trie.unique_tokens
    for node in nodes.tolist():
        parent = parents[node]
        if parent < 0:
            slot[node] = free_roots
            free_roots += size[node]
        else:
            slot[node] = free[parent]
            free[parent] += size[node]
        free[node] = slot[node] + 1
    slots = np.array(slot, dtype=np.int64)
    order = np.empty(len(nodes), dtype=np.int64)
    order[slots[nodes]] = nodes
    parent_node = trie.parent[order]
    return Preorder(
        node=order,
        parent=np.where(parent_node >= 0, slots[parent_node], -1),
        token=trie.token[order],
        depth=trie.depth[order],
        end=np.arange(len(order)) + np.array(size, dtype=np.int64)[order],
    )


def _cuts(depth: Int[np.ndarray, " slots"], tokens: int) -> list[int]:
    """Return where to cut a stretch into pieces of about `tokens`, at shallow slots, where few ancestors are shared."""
    cuts, length = [0], len(depth)
    while length - cuts[-1] > tokens * 5 // 4:
        pieces = -(-(length - cuts[-1]) // tokens)
        aim = cuts[-1] + (length - cuts[-1]) // pieces
        low, high = aim - tokens // 4, min(aim + tokens // 4, length)
        cuts.append(low + int(np.argmin(depth[low:high])))
    return [*cuts, length]


def _block(layout: Preorder, chunk_start: int, path: int, start: int, stop: int) -> Block:
    before = layout.ancestors(start)
    inside = np.arange(start, stop)
    slots = np.concatenate([before, inside])
    kept = before < chunk_start
    # The kept path holds the ancestors of the chunk's first slot by depth, so an ancestor's place is its depth.
    places = np.where(kept, layout.depth[before], before - chunk_start + path)
    mask = (inside[:, None] >= slots) & (inside[:, None] < layout.end[slots])
    keys = np.concatenate([places, inside - chunk_start + path])
    return Block(start - chunk_start, stop - chunk_start, keys, mask)


def chunks(layout: Preorder, chunk_tokens: int = CHUNK_TOKENS, block_tokens: int = BLOCK_TOKENS) -> Iterator[Chunk]:
    """Yield the chunks of a preorder; together they hold every slot once.

    Args:
        layout: the tokens.
        chunk_tokens: about how many tokens go through the model in one call.
        block_tokens: about how many queries share one set of keys.
    """
    if not len(layout.node):
        return
    cuts = _cuts(layout.depth, chunk_tokens)
    for start, stop in pairwise(cuts):
        path = int(layout.depth[start])
        inner = _cuts(layout.depth[start:stop], block_tokens)
        blocks = tuple(_block(layout, start, path, start + low, start + high) for low, high in pairwise(inner))
        following = layout.ancestors(stop) if stop < len(layout.node) else np.empty(0, dtype=np.int64)
        keep = np.where(following < start, layout.depth[following], following - start + path)
        yield Chunk(start, stop, path, blocks, keep)
