"""The prefix trie of a set of runs: which tokens are unique, which rows share them.

Two rows that begin alike need their common prefix processed once. The trie is the common currency of the packing
engine (what has to be computed), of the price of a row (what an ideal prefix cache charges), and of the nested
batches. Runs under different interventions share nothing: each intervention has a root of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from istar.questions.runs import Run


@dataclass(frozen=True)
class Trie:
    """A token-level prefix trie over the paths of runs.

    Nodes are numbered so that a parent precedes its children. Attributes marked `paths` run over all paths of all
    runs, row by row.

    Attributes:
        parent: parent of each node, -1 at the first token of a path.
        token: the token at each node.
        depth: number of tokens before it on its path.
        root: index into `interventions` of the model that processes the node.
        interventions: intervention keys; "" is the plain model.
        path_row: the row each path belongs to.
        path_leaf: the node of each path's last token.
        reads: for each path, the nodes whose next-token distribution is read.
    """

    parent: Int[np.ndarray, " nodes"]
    token: Int[np.ndarray, " nodes"]
    depth: Int[np.ndarray, " nodes"]
    root: Int[np.ndarray, " nodes"]
    interventions: tuple[str, ...]
    path_row: Int[np.ndarray, " paths"]
    path_leaf: Int[np.ndarray, " paths"]
    reads: tuple[Int[np.ndarray, " reads"], ...]

    @property
    def unique_tokens(self) -> int:
        """The number of distinct (prefix, token) pairs: what has to be computed."""
        return len(self.parent)

    def ancestors(self, node: int) -> list[int]:
        """Return the nodes from the first token of the path down to `node`, both included."""
        chain = []
        while node >= 0:
            chain.append(node)
            node = int(self.parent[node])
        return chain[::-1]


def build_trie(runs: Sequence[Run]) -> Trie:
    """Return the prefix trie of the paths of all runs."""
    children: dict[tuple[int, int], int] = {}
    parent: list[int] = []
    token: list[int] = []
    depth: list[int] = []
    root: list[int] = []
    keys: dict[str, int] = {"": 0}
    path_row: list[int] = []
    path_leaf: list[int] = []
    reads: list[Int[np.ndarray, " reads"]] = []
    for row, run in enumerate(runs):
        key = "" if run.intervention is None else run.intervention.key
        for path in run.paths:
            model = keys.setdefault("" if path.plain else key, len(keys))
            node = -1 - model
            chain = []
            for position, each in enumerate(path.tokens):
                child = children.get((node, each))
                if child is None:
                    child = len(parent)
                    children[(node, each)] = child
                    parent.append(max(node, -1))
                    token.append(each)
                    depth.append(position)
                    root.append(model)
                chain.append(child)
                node = child
            path_row.append(row)
            path_leaf.append(node)
            reads.append(np.array([chain[position] for position in path.reads], dtype=np.int64))
    return Trie(
        np.array(parent, dtype=np.int64),
        np.array(token, dtype=np.int64),
        np.array(depth, dtype=np.int64),
        np.array(root, dtype=np.int64),
        tuple(keys),
        np.array(path_row, dtype=np.int64),
        np.array(path_leaf, dtype=np.int64),
        tuple(reads),
    )
