"""Interpretations on disk: built once per method, target, corpus and rulebook, then found again."""

from __future__ import annotations

import json
from dataclasses import dataclass

from istar.flops.meter import meter_reading_from_json
from istar.flops.rulebook import RULEBOOK
from istar.methods.contract import Interpretation
from istar.sandbox.client import InterpretOutcome
from istar.storage import Kind, Parts


@dataclass(frozen=True)
class InterpretationKey:
    """What an interpretation depends on, besides plug-ins, which may hold architectures and interventions.

    Attributes:
        method: hash of the method's source and of the tools it imports (`istar.methods.filing`).
        target: id of the target.
        corpus: hash of the corpus.
        rulebook: version of the rulebook its FLOPs were counted under.
        seed: the seed it was built with.
    """

    method: str
    target: str
    corpus: str
    rulebook: str = RULEBOOK.version
    seed: int = 0


def _encode(outcome: InterpretOutcome) -> Parts:
    facts = {
        "reading": outcome.reading.to_json(),
        "seconds": outcome.seconds,
        "cpu_seconds": outcome.cpu_seconds,
        "tier": outcome.tier,
    }
    return json.dumps(facts).encode(), outcome.content


def _decode(parts: Parts) -> InterpretOutcome:
    head, content = parts
    facts = json.loads(head)
    reading = meter_reading_from_json(facts.pop("reading"))
    return InterpretOutcome(Interpretation.from_bytes(content), content, reading, **facts)


INTERPRETATIONS = Kind("interpretations", _encode, _decode, version=2)
"""What `interpret` gave and took."""
