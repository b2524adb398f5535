"""Small questions with every kind of row and every readout, for checking methods; no task's own text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

from istar.questions import (
    Ablate,
    AblateHead,
    ChoiceProbability,
    Column,
    Entropy,
    FineTune,
    GreedyCorrect,
    Intervention,
    KLFrom,
    PolicyCost,
    Prune,
    Quantise,
    QuestionView,
    Run,
    SpanLogprob,
    SpanLoss,
    SpanMargin,
    SpanProbability,
    Steer,
    Structure,
    Temperature,
    WeightNoise,
)

if TYPE_CHECKING:
    from istar.targets.target import Target

Tokens = tuple[int, ...]

_LINES = ("The lamp is green.", "Two boats came in.", "Snow fell on the hill.", "A clock struck.", "No bird sang.")
_QUERIES = (("\nWas it cold?", " yes", " no"), ("\nWho came?", " boats", " birds"))


def sample_questions(target: Target) -> dict[str, QuestionView]:
    """Return the questions by a description of their rows.

    Args:
        target: gives the tokenizer.
    """
    return {
        "parts switched on and off": _switched(target),
        "one part removed at a time": _removed(target),
        "prompts times examples": _prompts(target),
        "plain sequences": _sequences(target),
        "entropy and divergence": _references(target),
        "one token substituted": _substituted(target),
        "probabilities of choices": _choices(target),
        "fine-tunes times probes": _fine_tuned(target),
        "modified targets": _modified(target),
        "words on a modified target": _audited(target),
        "one part changed at a time": _changed(target),
    }


def _view(rows: Sequence[tuple[Run, Mapping[str, float]]], roles: dict[str, str]) -> QuestionView:
    columns = [
        Column(name, role, tuple(float(levels[name]) for _, levels in rows))  # type: ignore[arg-type]
        for name, role in roles.items()
    ]
    return QuestionView(tuple(run for run, _ in rows), Structure(tuple(columns)))


def _joined(target: Target, texts: tuple[str, ...]) -> Tokens:
    return (target.bos, *(token for text in texts for token in target.encode(text)))


def _switched(target: Target) -> QuestionView:
    lines = _LINES[:4]
    rows = []
    for present in product((0, 1), repeat=len(lines)):
        kept = tuple(f"{line}\n" for line, on in zip(lines, present, strict=True) if on)
        for number, (query, answer, _) in enumerate(_QUERIES):
            prompt = _joined(target, (*kept, query))
            run = Run(prompt + target.encode(answer), SpanLogprob(len(prompt)))
            rows.append((run, {f"line_{at}": float(on) for at, on in enumerate(present)} | {"query": number}))
    return _view(rows, {f"line_{at}": "switch" for at in range(len(lines))} | {"query": "nuisance"})


def _removed(target: Target) -> QuestionView:
    rows = []
    for removed in range(len(_LINES) + 1):
        kept = tuple(f" {line}" for at, line in enumerate(_LINES) if at != removed - 1)
        for number, (query, answer, foil) in enumerate(_QUERIES):
            prompt = _joined(target, (*kept, query))
            run = Run(prompt + target.encode(answer), SpanMargin(len(prompt), target.encode(foil)))
            rows.append((run, {"removed": removed, "query": number}))
    return _view(rows, {"removed": "arm", "query": "nuisance"})


def _prompts(target: Target) -> QuestionView:
    rows = []
    for arm, prompt in enumerate(("Reply.", "Question:", "Say what is true.", "Q:")):
        for number, (query, answer, _) in enumerate(_QUERIES):
            tokens = _joined(target, (prompt, query))
            run = Run(tokens + target.encode(answer), GreedyCorrect(len(tokens)))
            rows.append((run, {"prompt": arm, "example": number}))
    return _view(rows, {"prompt": "arm", "example": "nuisance"})


def _sequences(target: Target) -> QuestionView:
    rows = [
        (Run(_joined(target, (line, query)), SpanLoss(1)), {"sequence": number})
        for number, (line, (query, _, _)) in enumerate(product(_LINES, _QUERIES))
    ]
    return _view(rows, {"sequence": "nuisance"})


def _references(target: Target) -> QuestionView:
    reference = _joined(target, _LINES[:2])
    rows = []
    for number, line in enumerate(_LINES):
        tokens = _joined(target, (line, _LINES[1]))
        for kind, readout in enumerate((Entropy(), KLFrom(reference, last=3))):
            rows.append((Run(tokens, readout), {"line": number, "readout": kind}))
    return _view(rows, {"line": "nuisance", "readout": "arm"})


def _substituted(target: Target) -> QuestionView:
    prompt = _joined(target, (*_LINES[:2], _QUERIES[0][0]))
    answer = target.encode(_QUERIES[0][1])
    rows = []
    for position in range(1, 7):
        for number, substitute in enumerate(target.encode(_LINES[2])[:6]):
            changed = (*prompt[:position], substitute, *prompt[position + 1 :])
            rows.append((Run(changed + answer, SpanLogprob(len(prompt))), {"position": position, "token": number}))
    return _view(rows, {"position": "arm", "token": "nuisance"})


def _choices(target: Target) -> QuestionView:
    rows = []
    for number, line in enumerate(_LINES):
        for query, (text, answer, foil) in enumerate(_QUERIES):
            prompt = _joined(target, (line, text))
            chosen, other = target.encode(answer), target.encode(foil)
            for kind, readout in enumerate((ChoiceProbability(len(prompt), (other,)), SpanProbability(len(prompt)))):
                rows.append((Run(prompt + chosen, readout), {"line": number, "query": query, "readout": kind}))
    return _view(rows, {"line": "arm", "query": "nuisance", "readout": "nuisance"})


def _fine_tuned(target: Target) -> QuestionView:
    lessons = [_joined(target, (line,)) for line in _LINES[:3]]
    tunes = [FineTune((lesson,), (1,), rate=0.01, depth=0.5) for lesson in lessons]
    rows = []
    for candidate, tune in enumerate((None, *tunes)):
        for number, (query, answer, _) in enumerate(_QUERIES):
            prompt = _joined(target, (query,))
            run = Run(prompt + target.encode(answer), SpanLogprob(len(prompt)), tune)
            rows.append((run, {"candidate": candidate, "probe": number}))
    return _view(rows, {"candidate": "arm", "probe": "nuisance"})


def _modified(target: Target) -> QuestionView:
    towards, away = (_joined(target, (line,)) for line in _LINES[3:])
    kinds: tuple[Intervention | None, ...] = (None, Steer(towards, away, 1.0, 0.5), Prune(0.3), Temperature(0.8))
    rows = []
    for candidate, change in enumerate(kinds):
        for number, (query, answer, _) in enumerate(_QUERIES):
            prompt = _joined(target, (_LINES[0], query))
            run = Run(prompt + target.encode(answer), PolicyCost(len(prompt), prompt), change)
            rows.append((run, {"candidate": candidate, "context": number}))
    return _view(rows, {"candidate": "arm", "context": "nuisance"})


def _audited(target: Target) -> QuestionView:
    rows = []
    for candidate, word in enumerate(("Q", "ZZ", "Xq", "742", "JK")):
        for number, (query, answer, _) in enumerate(_QUERIES):
            prompt = _joined(target, (word, _LINES[0], query))
            run = Run(prompt + target.encode(answer), SpanLogprob(len(prompt)), WeightNoise(3, 0.1))
            rows.append((run, {"candidate": candidate, "context": number}))
    return _view(rows, {"candidate": "arm", "context": "nuisance"})


def _changed(target: Target) -> QuestionView:
    kinds = (None, AblateHead(0.0, 0.5), AblateHead(0.5, 0.0), Ablate(0.5, "mlp"), Quantise(0.5, "attention", 3))
    rows = []
    for candidate, change in enumerate(kinds):
        for number, (query, answer, _) in enumerate(_QUERIES):
            prompt = _joined(target, (_LINES[0], query))
            run = Run(prompt + target.encode(answer), SpanLogprob(len(prompt)), change)
            rows.append((run, {"candidate": candidate, "example": number}))
    return _view(rows, {"candidate": "arm", "example": "nuisance"})
