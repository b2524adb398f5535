"""Running rows on keys and values that were computed for other rows which hold the same text.

Rows of a table are edits of one another: a sentence moved, a token replaced, a prompt in front of another question.
An exact prefix cache can share what stands before the first edit; what stands behind it has to be computed again,
although it hardly changes. Here a sequence is stitched together of stretches that other sequences, its donors, hold as
well. Their keys and values are taken over, turned to the positions where they now stand, and only a few tokens are
computed: those that no donor has, the first ones behind every seam, and the last ones, from which the run is read. With
all tokens behind a seam computed, nothing is approximate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from istar.methods.tools.windows import whole_cache, windows_cut_out
from istar.questions import Path, QuestionView, Run, build_trie

if TYPE_CHECKING:
    from transformers import DynamicCache

    from istar.targets.target import Target

Tokens = tuple[int, ...]

Sequel = tuple[str, Path]
"""A sequence to be read: the key of the intervention it runs under, and its path."""

Cache = Float[Tensor, "layers two heads tokens size"]
"""Keys and values of all layers."""

FRESH_AT_ONCE = 128
"""About how many tokens are computed together."""

CACHED_AT_ONCE = 8192
"""About how many cached tokens they attend to."""

MATCH = 4
"""Tokens in a row that must agree for a stretch to be taken from a donor."""

CANDIDATES = 64
"""Places in donors that are compared, at most, for each stretch."""

LEFT = 8
"""Tokens before a stretch by which equally long ones are told apart."""


@dataclass(frozen=True)
class Stretch:
    """A part of a sequence that a donor holds too.

    Attributes:
        donor: number of the donor.
        start: where it begins in the donor.
        place: where it begins in the sequence.
        length: how many tokens it has.
    """

    donor: int
    start: int
    place: int
    length: int


@dataclass(frozen=True)
class Stitch:
    """How a sequence is put together.

    Attributes:
        taken: the stretches whose keys and values are taken over.
        fresh: the positions that are computed, ascending.
    """

    taken: tuple[Stretch, ...]
    fresh: tuple[int, ...]

    @property
    def held(self) -> int:
        """The number of tokens that are taken over."""
        return sum(stretch.length for stretch in self.taken)

    @property
    def places(self) -> list[int]:
        """The positions where they stand."""
        return [place for stretch in self.taken for place in range(stretch.place, stretch.place + stretch.length)]


@dataclass(frozen=True)
class Donor:
    """A sequence that is computed exactly.

    Attributes:
        tokens: the sequence.
        parent: the donor whose beginning it shares, if any.
        shared: how many tokens of that.
    """

    tokens: Tokens
    parent: int | None
    shared: int


class StitchedRuns:
    """The rows of a question as stretches of a few of them; each donor is computed when a row first needs it.

    Args:
        target: the model.
        question: the rows.
        tail: how many tokens before a run's first read are computed.
        seam: how many tokens behind every edit are computed.
        missing: how many tokens that no donor has a sequence may have; one with more becomes a donor.
    """

    def __init__(self, target: Target, question: QuestionView, tail: int = 4, seam: int = 2, missing: int = 8) -> None:
        """See the class docstring."""
        self.target = target
        self.runs = question.runs
        self.tail = tail
        self.seam = seam
        self.missing = missing
        self.donors: dict[str, list[Donor]] = {}
        self.stitches: dict[Sequel, Stitch] = {}
        self._caches: dict[tuple[str, int], Cache] = {}
        for key, paths in _by_key(self.runs).items():
            self._plan(key, paths)

    @cached_property
    def share(self) -> float:
        """The tokens that are computed for all rows, as a share of those behind all exact prefixes."""
        computed = sum(len(stitch.fresh) for stitch in self.stitches.values())
        computed += sum(len(donor.tokens) - donor.shared for donors in self.donors.values() for donor in donors)
        return computed / build_trie(self.runs).unique_tokens

    @torch.no_grad()
    def values(self, runs: Sequence[Run]) -> Float[Tensor, " rows"]:
        """Return the values of runs of the question, read off stitched streams."""
        embedded = self.target.run(runs, upto=0)
        streams = self._streams({sequel: None for run in runs for sequel in _sequels(run)}, runs)
        last = torch.zeros_like(embedded.values)
        for row, run in enumerate(runs):
            for number, sequel in enumerate(_sequels(run)):
                last[embedded.index(row, number)] = streams[sequel].to(last.dtype)
        return self.target.read(runs, embedded, lens=lambda _: last)

    # -- planning: which tokens stand where, without any arithmetic of the model --------------------------------------

    def _plan(self, key: str, paths: Sequence[Path]) -> None:
        """Find donors among the sequences under one intervention, the longest first, and stitch all of them."""
        donors = self.donors.setdefault(key, [])
        index: dict[Tokens, list[tuple[int, int]]] = {}
        for path in sorted(paths, key=lambda path: -len(path.tokens)):
            body = path.tokens[: max(0, path.reads[0] - self.tail)]
            stretches = list(_cover(body, [donor.tokens for donor in donors], index))
            if len(body) - sum(stretch.length for stretch in stretches) > self.missing:
                shared, parent = max(
                    ((_agree(path.tokens, donor.tokens), number) for number, donor in enumerate(donors)),
                    default=(0, None),
                    key=lambda each: each[0],
                )
                for at in range(len(path.tokens) - MATCH + 1):
                    places = index.setdefault(path.tokens[at : at + MATCH], [])
                    if len(places) < CANDIDATES:
                        places.append((len(donors), at))
                stretches = [Stretch(len(donors), 0, 0, len(body))]
                donors.append(Donor(path.tokens, parent if shared else None, shared))
            self.stitches[key, path] = self._stitch(path, stretches)

    def _stitch(self, path: Path, stretches: Sequence[Stretch]) -> Stitch:
        taken = []
        fresh = set(range(len(path.tokens)))
        for stretch in stretches:
            seam = 0 if stretch.start == stretch.place == 0 else min(self.seam, stretch.length)
            if stretch.length > seam:
                kept = Stretch(stretch.donor, stretch.start + seam, stretch.place + seam, stretch.length - seam)
                fresh -= set(range(kept.place, kept.place + kept.length))
                taken.append(kept)
        return Stitch(tuple(taken), tuple(sorted(fresh)))

    # -- running ------------------------------------------------------------------------------------------------------

    def _streams(self, sequels: dict[Sequel, None], runs: Sequence[Run]) -> dict[Sequel, Float[Tensor, "reads width"]]:
        """Return the streams before the final norm at the reads of sequences."""
        from istar.targets.interventions import Switch

        found: dict[Sequel, Float[Tensor, "reads width"]] = {}
        with Switch(self.target, runs) as switch:
            for pack in _packs(self.stitches, sequels):
                key = pack[0][0]
                switch.to(key)
                for sequel in pack:
                    for stretch in self.stitches[sequel].taken:
                        self._compute(key, stretch.donor)
                found.update(self._run(pack))
        return found

    def _compute(self, key: str, number: int) -> None:
        """Compute a donor's keys and values exactly, on those of the beginning that it shares."""
        if (key, number) in self._caches:
            return
        donor = self.donors[key][number]
        cache = whole_cache()
        if donor.parent is not None:
            self._compute(key, donor.parent)
            beginning = self._caches[key, donor.parent][..., : donor.shared, :]
            _fill(cache, beginning.unsqueeze(0))
        tokens = torch.tensor([donor.tokens[donor.shared :]], device=self.target.device)
        if tokens.numel():
            places = torch.arange(donor.shared, len(donor.tokens), device=self.target.device)
            self._forward(tokens, places[None], cache)
        self._caches[key, number] = torch.stack(
            [torch.stack([layer.keys[0], layer.values[0]]) for layer in cache.layers]
        )

    def _run(self, pack: Sequence[Sequel]) -> dict[Sequel, Float[Tensor, "reads width"]]:
        """Run a few sequences side by side, each on what was taken over for it."""
        stitches = [self.stitches[sequel] for sequel in pack]
        device, dtype = self.target.device, self.target.dtype
        taken = [self._taken(key, stitch) for (key, _), stitch in zip(pack, stitches, strict=True)]
        held = torch.tensor(_padded([stitch.places for stitch in stitches], 2**30), device=device)
        fresh = torch.tensor(_padded([stitch.fresh for stitch in stitches], -1), device=device)
        tokens = [[path.tokens[at] for at in stitch.fresh] for (_, path), stitch in zip(pack, stitches, strict=True)]
        cache = whole_cache()
        if held.shape[1]:
            together = pad_sequence([each.movedim(3, 0) for each in taken], batch_first=True)
            _fill(cache, together.movedim(1, 4))
        real = fresh >= 0
        among = (fresh[:, None, :] <= fresh[:, :, None]) & real[:, None, :]
        among |= torch.eye(fresh.shape[1], dtype=torch.bool, device=device)  # what is padded sees itself
        sees = torch.cat([held[:, None, :] < fresh[:, :, None], among], dim=2)
        mask = torch.zeros(sees.shape, dtype=dtype, device=device).masked_fill(~sees, float("-inf"))[:, None]
        inputs = torch.tensor(_padded(tokens, 0), device=device)
        with windows_cut_out(self.target, mask, fresh, torch.cat([held, fresh], dim=1)):
            streams = self._forward(inputs, fresh.clamp_min(0), cache, mask)
        return {
            sequel: stream[[stitch.fresh.index(read) for read in sequel[1].reads]]
            for sequel, stitch, stream in zip(pack, stitches, streams, strict=True)
        }

    def _forward(
        self,
        tokens: Int[Tensor, "batch length"],
        places: Int[Tensor, "batch length"],
        cache: DynamicCache,
        mask: Float[Tensor, "batch one length seen"] | None = None,
    ) -> Float[Tensor, "batch length width"]:
        """Return the streams before the final norm of tokens that stand behind what is in a cache; it grows by them."""
        from istar.targets.packed_forward import residual_stream

        return residual_stream(
            self.target.anatomy,
            self.target.layers,
            input_ids=tokens,
            position_ids=places,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
        )

    def _taken(self, key: str, stitch: Stitch) -> Cache:
        """Return the keys and values of all stretches, turned to where they stand."""
        parts = [cache[..., :0, :] for cache in list(self._caches.values())[:1]]
        for stretch in stitch.taken:
            part = self._caches[key, stretch.donor][..., stretch.start : stretch.start + stretch.length, :]
            shift = stretch.place - stretch.start
            parts.append(self._turned(part, shift) if shift else part)
        return torch.cat(parts, dim=3) if parts else torch.empty(0)

    def _turned(self, part: Cache, shift: int) -> Cache:
        """Move keys by some positions; without rotary positions (GPT-2) they stay as they are."""
        rotary = getattr(self.target.anatomy.base, "rotary_emb", None)
        if rotary is None:
            return part
        cosine, sine = rotary(part, torch.tensor([[shift]], device=part.device))
        scale = getattr(rotary, "attention_scaling", 1.0)
        cosine, sine = cosine[0, 0] / scale, sine[0, 0] / scale
        size = len(cosine)
        keys, rest = part[:, :1, ..., :size], part[:, :1, ..., size:]
        halves = torch.cat([-keys[..., size // 2 :], keys[..., : size // 2]], dim=-1)
        return torch.cat([torch.cat([keys * cosine + halves * sine, rest], dim=-1), part[:, 1:]], dim=1)


def _sequels(run: Run) -> list[Sequel]:
    key = "" if run.intervention is None else run.intervention.key
    return [("" if path.plain else key, path) for path in run.paths]


def _by_key(runs: Sequence[Run]) -> dict[str, list[Path]]:
    """Return the different paths of runs by the key of the intervention they run under."""
    found: dict[str, dict[Path, None]] = {}
    for run in runs:
        for key, path in _sequels(run):
            found.setdefault(key, {})[path] = None
    return {key: list(paths) for key, paths in found.items()}


def _cover(body: Tokens, donors: Sequence[Tokens], index: dict[Tokens, list[tuple[int, int]]]) -> Iterator[Stretch]:
    """Yield stretches of donors that cover a sequence as far as possible, the longest first from left to right."""
    place = 0
    while place <= len(body) - MATCH:
        best = (0, 0, 0, 0)
        for number, start in index.get(body[place : place + MATCH], ()):
            donor = donors[number]
            length = _agree(body[place:], donor[start:])
            before = _agree(body[max(0, place - LEFT) : place][::-1], donor[max(0, start - LEFT) : start][::-1])
            best = max(best, (length, before + (start == place), -number, -start))
        length, _, number, start = best
        if length:
            yield Stretch(-number, -start, place, length)
        place += max(length, 1)


def _agree(one: Tokens, other: Tokens) -> int:
    """Return how many tokens two sequences begin with in common."""
    length, step = min(len(one), len(other)), 64
    at = 0
    while at < length and one[at : at + step] == other[at : at + step]:
        at += step
    return next((place for place in range(at, length) if one[place] != other[place]), length)


def _packs(stitches: dict[Sequel, Stitch], sequels: dict[Sequel, None]) -> Iterator[list[Sequel]]:
    """Yield sequences that run together: under one intervention, and about equally long."""
    pack: list[Sequel] = []
    size = (0, 0)
    for sequel in sorted(sequels, key=lambda each: (each[0], stitches[each].held, len(stitches[each].fresh))):
        stitch = stitches[sequel]
        size = max(size[0], len(stitch.fresh)), max(size[1], stitch.held)
        full = (len(pack) + 1) * size[0] > FRESH_AT_ONCE or (len(pack) + 1) * size[1] > CACHED_AT_ONCE
        if pack and (full or pack[0][0] != sequel[0]):
            yield pack
            pack, size = [], (len(stitch.fresh), stitch.held)
        pack.append(sequel)
    if pack:
        yield pack


def _padded(rows: Sequence[Sequence[int]], filling: int) -> list[list[int]]:
    length = max(map(len, rows))
    return [[*row, *[filling] * (length - len(row))] for row in rows]


def _fill(cache: DynamicCache, content: Float[Tensor, "batch layers two heads tokens size"]) -> None:
    """Put keys and values into an empty cache."""
    for layer in range(content.shape[1]):
        cache.update(content[:, layer, 0], content[:, layer, 1], layer)
