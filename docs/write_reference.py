"""Writes entries of pages from the code: readouts, interventions, functionals, architectures, families and settings.

    python docs/write_reference.py

An entry is the docstring and the fields of a registered class, with an example from below where there is one to make.
It stands between two comments, and nothing else of a page is touched.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined, to_json

from istar.arms.settings import ArmSettings, Caps
from istar.protocol.config import PlateauSettings, SearchConfig, StageSize, WorkbenchSettings
from istar.questions import FUNCTIONALS, INTERVENTIONS, READOUTS
from istar.targets import ARCHITECTURES, PartNames
from istar.tasks import FAMILIES

SPLITS = ("train", "validation", "test", "use")

EXAMPLES: dict[str, dict[str, str]] = {
    "readouts": {
        "choice_probability": "ChoiceProbability(start=8, others=((11,), (12, 13)))",
        "entropy": "Entropy()",
        "greedy_correct": "GreedyCorrect(start=8)",
        "kl_from": "KLFrom(reference=(0, 5, 6, 7), last=2)",
        "policy_cost": "PolicyCost(start=8, reference=(0, 5, 6, 7), beta=0.2)",
        "span_logprob": "SpanLogprob(start=8, mean=True)",
        "span_loss": "SpanLoss(start=1)",
        "span_margin": "SpanMargin(start=8, foil=(11, 12))",
        "span_probability": "SpanProbability(start=8)",
    },
    "interventions": {
        "ablate": 'Ablate(depth=0.5, part="mlp")',
        "ablate_head": "AblateHead(depth=0.5, head=0.25)",
        "composed": "Composed((Prune(share=0.1), Temperature(value=0.8)))",
        "edit": "Edit(subjects=((0, 5, 6), (0, 8, 6)), wanted=11, known=12, depth=0.5, strength=1.0)",
        "fine_tune": "FineTune(sequences=((0, 5, 6, 7), (0, 8, 9)), starts=(1, 2), rate=0.01, depth=0.5)",
        "logit_bias": "LogitBias(tokens=(5, 6), bias=-2.0)",
        "organism": 'Organism(name="lexical_backdoor_0", digest="0" * 64)',
        "prune": "Prune(share=0.3)",
        "quantise": 'Quantise(depth=0.5, part="attention", bits=3)',
        "steer": "Steer(towards=(0, 5, 6), away=(0, 7, 8), scale=1.5, depth=0.5)",
        "temperature": "Temperature(value=0.7)",
        "weight_noise": "WeightNoise(seed=3, scale=0.1)",
    },
    "functionals": {
        "arm_choice": 'ArmChoice(arm="prompt")',
        "arm_means": 'ArmMeans(arm="prompt")',
        "arm_ranking": 'ArmRanking(arm="prompt")',
        "arm_spread": 'ArmSpread(arm="prompt", statistics=("range",))',
        "behaviour_changes": 'BehaviourChanges(state="candidate", behaviour="behaviour")',
        "best_arm_mean": 'BestArmMean(arm="prompt", replicate="example")',
        "calibration": "Calibration(bins=10)",
        "datamodel_effects": 'DatamodelEffects(subset="subset", held_out=8)',
        "floors": 'Floors(place="position")',
        "intent_probability": 'IntentProbability(unit="input", way="way")',
        "log_mean_probability": "LogMeanProbability()",
        "removal_effects": 'RemovalEffects(unit="query", removed="removed")',
        "sealed_arm_ranking": 'SealedArmRanking(arm="prompt")',
        "shapley_values": "ShapleyValues()",
        "staying_crossing": 'StayingCrossing(unit="query", step="depth", threshold=0.0)',
        "upper_tail": "UpperTail(level=0.95)",
    },
}
"""By page and name, how an object is made; every name that istar registers has one."""

REGISTRIES: Mapping[str, Any] = {"readouts": READOUTS, "interventions": INTERVENTIONS, "functionals": FUNCTIONALS}


def entries(page: str) -> str:
    """Return what a page says of every entry of its registry."""
    if page == "architectures":
        return _architectures()
    if page == "tasks":
        return _families()
    if page == "search":
        return _settings()
    return "\n".join(_entry(name, REGISTRIES[page].get(name), code) for name, code in sorted(EXAMPLES[page].items()))


def _entry(name: str, kind: type, example: str) -> str:
    lines = [f"### `{name}`", "", f"```python\n{example}\n```", "", _prose(kind)]
    said = _attributes(kind)
    rows = [
        f"| `{each.name}` | `{str(each.type).replace('|', chr(92) + '|')}` | {_default(each)} | {said[each.name]} |"
        for each in dataclasses.fields(kind)
    ]
    if rows:
        lines += ["", "| field | type | default | |", "|---|---|---|---|", *rows]
    return "\n".join([*lines, ""])


def _prose(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\nAttributes:")[0].strip()


def _attributes(kind: type) -> dict[str, str]:
    """Return what docstrings say of fields, those of the base classes included."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        text = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2]
        for name, said in re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", text, re.MULTILINE):
            found[name] = re.sub(r"\s+", " ", said).replace("|", r"\|")
    return found


def _default(field: dataclasses.Field[Any]) -> str:
    return "" if field.default is dataclasses.MISSING else f"`{field.default!r}`"


def _architectures() -> str:
    fields = [each.name for each in dataclasses.fields(PartNames)]
    lines = [f"| `model_type` | {' | '.join(fields)} |", "|---" * (len(fields) + 1) + "|"]
    for name in ARCHITECTURES:
        parts = ARCHITECTURES.get(name)
        lines.append(f"| `{name}` | " + " | ".join(f"`{getattr(parts, field)}`" for field in fields) + " |")
    return "\n".join(lines) + "\n"


def _families() -> str:
    """Return a table of the library's families, and what each says of itself in its file."""
    found = [FAMILIES.get(name) for name in FAMILIES]
    own = [family for family in found if type(family).__module__.startswith("istar.tasks.")]
    families = sorted(own, key=lambda family: (SPLITS.index(family.split), family.name))
    rewarded = sum(len(family.data_sets) for family in families if family.split != "use")
    every = sum(len(family.data_sets) for family in families)
    lines = [
        f"{every} tasks of {len(families)} families, of which {rewarded} tasks enter rewards:",
        "",
        "| split | family | what is asked | a row is, and what is read off |",
        "|---|---|---|---|",
    ]
    said = []
    for family in families:
        module = inspect.getdoc(sys.modules[type(family).__module__]) or ""
        first, _, text = module.partition("\n")
        question = first.partition(": ")[2]
        question = question[:1].upper() + question[1:]
        rows = _prose(type(family))
        lines.append(
            f"| {family.split} | [`{family.name}`](#{family.name}) | {question} | "
            f"{rows.partition(chr(10))[0].rstrip('.')} |"
        )
        said += [f"### `{family.name}`", "", question, "", text.strip(), "", rows, ""]
    return "\n".join([*lines, "", *said])


def _settings() -> str:
    """Return the settings of a search with their defaults, and what is said of each beneath it."""
    lines = ["| setting | default | |", "|---|---|---|"]
    for kind, prefix in (
        (SearchConfig, ""),
        (ArmSettings, ""),
        (Caps, "caps."),
        (PlateauSettings, "plateau."),
        (StageSize, "train."),
        (WorkbenchSettings, "workbench."),
    ):
        (found,) = ast.parse(inspect.getsource(kind)).body
        assert isinstance(found, ast.ClassDef)
        for field, said in itertools.pairwise(found.body):
            if isinstance(field, ast.AnnAssign) and isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant):
                name = ast.unparse(field.target)
                default = kind.model_fields[name].default
                shown = f"`{to_json(default).decode()}`" if default is not PydanticUndefined else ""
                text = " ".join(inspect.cleandoc(str(said.value.value)).split())
                lines.append(f"| `{prefix}{name}` | {shown} | {text} |")
    return "\n".join(lines) + "\n"


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each page and what it should say."""
    for page in (*EXAMPLES, "architectures", "search", "tasks"):
        path = Path(__file__).with_name(f"{page}.md")
        before, begin, rest = path.read_text(encoding="utf-8").partition("<!-- entries: begin -->\n")
        _, end, after = rest.partition("<!-- entries: end -->")
        if not begin or not end:
            sys.exit(f"{path} must hold <!-- entries: begin --> and <!-- entries: end -->")
        yield path, f"{before}{begin}{entries(page)}{end}{after}"


if __name__ == "__main__":
    for path, text in pages():
        path.write_text(text, encoding="utf-8")
