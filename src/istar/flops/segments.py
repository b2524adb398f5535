"""Compression of a trie into segments: chains of tokens that the same paths share, and sets that the same rows need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy.sparse import csr_matrix

from istar.questions.trie import Trie
from istar.seeds import Seed


@dataclass(frozen=True, eq=False)
class PathSegments:
    """The chains of a trie.

    Attributes:
        count: how many chains.
        of_node: the chain of each node.
        row: with `segment`, the pairs of a row and a chain that one of its paths runs through.
        segment: see `row`.
    """

    count: int
    of_node: Int[np.ndarray, " nodes"]
    row: Int[np.ndarray, " pairs"]
    segment: Int[np.ndarray, " pairs"]


def path_segments(trie: Trie) -> PathSegments:
    """Return the maximal chains of nodes through which the same paths run."""
    nodes = len(trie.parent)
    through = np.bincount(trie.path_leaf, minlength=nodes).astype(np.int64)
    by_depth = np.argsort(trie.depth, kind="stable")
    levels = np.split(by_depth, np.flatnonzero(np.diff(trie.depth[by_depth])) + 1)
    for level in levels[:0:-1]:
        np.add.at(through, trie.parent[level], through[level])
    # A node continues its parent's chain where no path ends or branches off between them.
    head = (trie.parent < 0) | (through != through[trie.parent])
    of_node = np.cumsum(head) - 1
    for level in levels[1:]:
        inside = level[~head[level]]
        of_node[inside] = of_node[trie.parent[inside]]
    heads = np.flatnonzero(head)
    chain_parent = np.where(trie.parent[heads] < 0, -1, of_node[trie.parent[heads]])
    rows, segments = [], []
    current, row = of_node[trie.path_leaf], trie.path_row
    while len(current):
        rows.append(row)
        segments.append(current)
        above = chain_parent[current]
        current, row = above[above >= 0], row[above >= 0]
    return PathSegments(len(heads), of_node, np.concatenate(rows), np.concatenate(segments))


def shared_sets(
    row: Int[np.ndarray, " pairs"], element: Int[np.ndarray, " pairs"], rows: int, elements: int
) -> tuple[csr_matrix, Int[np.ndarray, " elements"]]:
    """Merge elements that exactly the same rows need.

    Args:
        row: with `element`, pairs of a row and an element that it needs; repetitions count once.
        element: see `row`.
        rows: the number of rows.
        elements: the number of elements.

    Returns:
        The membership of rows in merged sets, and the merged set of each element, -1 for one that no row needs.
    """
    membership = csr_matrix((np.ones(len(row), dtype=np.int64), (row, element)), shape=(rows, elements))
    membership.sum_duplicates()
    membership.data[:] = 1
    # Two independent 63-bit sums of random labels tell sets of rows apart.
    generator = Seed.root(0).split("flops", "shared_sets").generator()
    labels = generator.integers(1, 2**62, size=(rows, 2), dtype=np.int64)
    fingerprints = membership.T @ labels
    needed = np.asarray(membership.getnnz(axis=0)).reshape(-1) > 0
    merged = np.full(elements, -1, dtype=np.int64)
    _, first, inverse = np.unique(fingerprints[needed], axis=0, return_index=True, return_inverse=True)
    merged[needed] = inverse.reshape(-1)
    kept = membership[:, np.flatnonzero(needed)[first]].astype(bool).tocsr()
    kept.sort_indices()
    return kept, merged
