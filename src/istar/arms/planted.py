"""Planted channels: recordings of a method that never ran, whose channels and price are given.

What an executor makes of channels of known quality at a known price says how much it hears, and, of the truth itself,
what a method that knew everything would save at that price.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from istar.flops.rulebook import RULEBOOK
from istar.methods.recording import ChannelBatch, Recording
from istar.questions import nested_batches
from istar.seeds import Seed

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

    from istar.arms.replays import Key, Replays
    from istar.rewards.curves import Curve
    from istar.truth import Table


def planted_recording(table: Table, channels: Float[np.ndarray, "rows channels"], price: float) -> Recording:
    """Return a recording of given channels, whose nested batches cost in proportion to their rows.

    Args:
        table: the question.
        channels: what is said of its rows.
        price: of all rows together, as a share of brute force.
    """
    batches, done = [], 0
    every = nested_batches(table.question.structure, Seed.root(0))
    rows = sum(map(len, every))
    for batch in every:
        done += len(batch)
        flops = max(1, int(price * table.brute_flops * done / rows))
        batches.append(ChannelBatch(batch, channels[batch].astype("float32"), flops))
    return Recording(
        method_hash="planted",
        question_hash=table.question.hash,
        target=table.target,
        rulebook=RULEBOOK.version,
        batches=tuple(batches),
        prepare_flops=0,
        total_flops=batches[-1].flops,
    )


def curves_with(
    replays: Replays, table: Table, others: Sequence[Table], said: Mapping[str, Recording], name: str
) -> tuple[Curve, ...]:
    """Return the white-box arm's curves on a question with planted channels, one a seed.

    Args:
        replays: the executor, which knows the task of the question.
        table: the question.
        others: questions of its task on which the executor learns what the channels are worth.
        said: the recordings of all of them, by question.
        name: what the channels are; with their prices it decides them.
    """
    mine = table.question.hash
    heard = {each.question.hash: said[each.question.hash] for each in others}

    def learn() -> Any:
        worth = {each.question.hash: replays.appraisal(each, heard[each.question.hash]) for each in others}
        return replays.executor().learn(replays.history(table, heard, worth))

    prices = [said[each.question.hash].total_flops for each in (table, *others)]
    key: Key = (name, *prices, *(str(part) for each in others for part in replays.replay_key(each)))
    return replays.white_box(table, said[mine], key, learn)
