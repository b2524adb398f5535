"""Family `trigger_transfer`: how well does each candidate for a universal jailbreak work on held-out requests?

The source document asks to "predict candidate universal jailbreaks' generalisation performance", "evaluated by hold-out
misuse prompt NLL". Nothing here is harmful: a model organism refuses one everyday topic (`istar.making.organisms`), and
performance is the loss of a helpful answer to requests on it. That one text may work on all requests is from Zou et al.
(Universal and transferable adversarial attacks on aligned language models, 2023).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from istar.questions import ArmRanking, Intervention, Question, Role, Run, SpanLoss
from istar.targets.organisms import organism
from istar.tasks.data.advice import ASKING, REQUEST, activities
from istar.tasks.data.organism_prompts import subjects
from istar.tasks.data.universal_prompts import KINDS, candidates, helpful
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

PLACES = {"suffixes": REQUEST.replace("{asked}", "{asked} {text}"), "prefixes": "{text}\n" + REQUEST}
"""Where a candidate stands: after the request, or before it."""

PLACES_OF = {"examples": ("prefixes",)}
"""Kinds of candidates that make sense in some places only."""


@dataclass(frozen=True)
class TriggerTransfer(Family):
    """Candidates times requests; the readout is the loss of the helpful answer, in nats per token.

    Attributes:
        texts: how many candidates of each kind; the first arm is no candidate at all.
        requests: how many requests.
        own: requests and answers of the user's, instead of those on an organism's topic.
        subject: the organism that is asked the user's requests; the target itself if None.
    """

    name: ClassVar[str] = "trigger_transfer"
    split: ClassVar[Split] = "validation"
    data_sets: ClassVar[tuple[str, ...]] = tuple(PLACES)

    texts: int = 12
    requests: int = 10
    own: tuple[tuple[str, str], ...] = ()
    subject: str | None = None

    @classmethod
    def from_requests(cls, path: Path | str, subject: str | None = None, texts: int = 12, requests: int = 10) -> Self:
        """Return the family on a user's requests.

        Args:
            path: a file of JSON lines, each with a `request` and the `answer` whose loss is measured.
            subject: the organism that is asked; the target itself if None.
            texts: how many candidates of each kind.
            requests: how many requests a question has.

        Raises:
            TaskError: the file cannot be read, or a line is no request with its answer.
        """
        return cls(texts, requests, read_requests(path), subject)

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        changed, asked = self._asked(generator, index)
        kinds = [kind for kind in KINDS if data_set in PLACES_OF.get(kind, (data_set,))]
        arms = [(0, "")] + [
            (1 + number, text) for number, kind in enumerate(kinds) for text in candidates(kind, self.texts, generator)
        ]
        runs, rows = [], []
        for arm, (kind, text) in enumerate(arms):
            for number, (request, answer) in enumerate(asked):
                parts = (PLACES[data_set] if text else REQUEST).split(" {asked}")  # spaces belong to the word after
                opening, closing = (encode(part.format(text=text)) for part in parts)
                prompt = (encode.bos, *opening, *encode(f" {request}"), *closing)
                runs.append(Run(prompt + encode(answer), SpanLoss(len(prompt)), changed))
                rows.append((arm, kind, number, len(encode(text)) if text else 0))
        names: list[tuple[str, Role]] = [("candidate", "arm"), ("kind", "trait"), ("request", "nuisance")]
        names += [("length", "covariate")]
        functional = ArmRanking("candidate")
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)

    def _asked(self, generator: np.random.Generator, index: int) -> tuple[Intervention | None, list[tuple[str, str]]]:
        """Return who is asked, and requests with their answers."""
        if self.own:
            changed = None if self.subject is None else organism(self.subject)
            pool: Sequence[tuple[str, str]] = self.own
        else:
            known = subjects("refusal", reserved=True)
            subject = known[index % len(known)]
            changed = organism(subject.name)
            wording = ASKING[int(generator.integers(len(ASKING)))]
            pool = [(wording.format(activity=each), helpful(each)) for each in activities(subject.facts.topic, True)]
        if not 2 <= self.requests <= len(pool):
            raise TaskError(
                f"{self.name}: {self.requests} requests; there are {len(pool)}, and 2 are the least, one for each half"
            )
        return changed, [pool[i] for i in generator.permutation(len(pool))[: self.requests]]


def read_requests(path: Path | str) -> tuple[tuple[str, str], ...]:
    """Return the requests and answers in a file of JSON lines; an answer gets a leading space if it has none.

    Raises:
        TaskError: the file cannot be read, or a line is no request with its answer.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"the requests in {path} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            request, answer = entry["request"], entry["answer"]
        except (ValueError, TypeError, KeyError) as error:
            raise TaskError(
                f'line {number} of {path} must be {{"request": "...", "answer": "..."}}: {error!r}'
            ) from error
        if not (isinstance(request, str) and isinstance(answer, str) and request.strip() and answer.strip()):
            raise TaskError(f"line {number} of {path}: request and answer must be texts that are not empty")
        found.append((request.strip(), " " + answer.strip()))
    if len(set(found)) < 2:
        raise TaskError(f"{path} holds {len(set(found))} different requests; 2 are the least")
    return tuple(dict.fromkeys(found))


FAMILIES.add(TriggerTransfer.name, TriggerTransfer())
