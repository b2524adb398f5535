"""The page that says what the measurement withstood: prices, attacks, false positives, statistics, faults, bad input.

It states counts that were measured and written to a JSON file, part by part; a part that was not run is named as
missing, and whatever did not hold stands at the top.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from istar.errors import IstarError
from istar.reports.pages import templates
from istar.rewards.memorised import LEVEL

PARTS = ("operations", "attacks", "witness", "statistics", "posterior", "faults", "guided")
CLAIMED, LEAST_COVERAGE, MOST_FALSE = 0.95, 0.93, 0.05
"""What intervals claim, what they must cover, and how often noise may be called better than no method."""


class TrustError(IstarError):
    """Counts that no page can be made of."""


def read_counts(path: Path) -> dict[str, Any]:
    """Return the counts in a file.

    Raises:
        TrustError: the file is missing or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrustError(f"there is no file {path}; make it with `make trust`") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise TrustError(f"{path} holds no counts ({error}); make it again with `make trust`") from error
    if not isinstance(found, dict) or not set(PARTS) & set(found):
        raise TrustError(f"{path} holds none of the parts {', '.join(PARTS)}; make it again with `make trust`")
    return found


def broken(found: Mapping[str, Any]) -> list[str]:
    """Return in words whatever did not hold, of all parts."""
    attacks = found.get("attacks", {})
    said = [
        f"attack {each['attack']} at {each['wall']}: {each['found']}, not {each['expected']}"
        for each in attacks.get("broken", [])
    ]
    said += [
        f"honest method {each['method']} was flagged at {each['wall']}: {each['reason']}"
        for each in attacks.get("honest", {}).get("flagged", [])
    ]
    witness = found.get("witness", {})
    said += [
        f"honest method {each['method']} was flagged by its processor time: {each['reason']}"
        for each in witness.get("honest", {}).get("flagged", [])
    ]
    said += [
        f"arithmetic in Python was missed: {each['hiding']}" for each in witness.get("hiding", {}).get("missed", [])
    ]
    statistics = found.get("statistics", {})
    for name, each in statistics.get("intervals", {}).items():
        error = (CLAIMED * (1 - CLAIMED) / each["evaluations"]) ** 0.5
        if each["held"] < LEAST_COVERAGE - 2 * error:
            said.append(f"intervals held the truth in {each['held']:.1%} of {each['evaluations']} evaluations: {name}")
        if each["null"] and each["above"] > MOST_FALSE + 2 * error:
            said.append(f"noise was called better in {each['above']:.1%} of {each['evaluations']} evaluations: {name}")
    gained = statistics.get("adversary", {}).get("standard_errors_gained", {}).get("through the guard")
    if gained is not None and gained["mean"] >= 1.0:
        said.append(f"an adversary gained {gained['mean']:.2f} standard errors through the guard")
    memorised = statistics.get("memorised")
    if memorised and (marked := memorised["best_of"]["1"]) > _at_most(LEVEL, memorised["evaluations"]):
        said.append(f"of methods that know no answer {marked:.1%} are marked as memorised, not {LEVEL:.0%}")
    posterior = found.get("posterior")
    if posterior and posterior["held"] < LEAST_COVERAGE - 2 * posterior["standard_error"]:
        said.append(f"the statistician's intervals held the truth in {posterior['held']:.1%} of training questions")
    parts = ("tests", "operations", "faults", "guided")
    said += [str(fault) for part in parts for fault in found.get(part, {}).get("faults", [])]
    return said


def _at_most(share: float, evaluations: int) -> float:
    """Return what a share may come to by chance."""
    return share + 2 * float((share * (1 - share) / evaluations) ** 0.5)


def render_trust(found: Mapping[str, Any]) -> str:
    """Return the page as text."""
    return (
        templates()
        .get_template("trust.html.j2")
        .render(
            found={"machine": None, **dict.fromkeys(PARTS), **found},
            broken=broken(found),
            open=sorted({each["attack"] for each in found.get("attacks", {}).get("open", [])}),
            missing=[part for part in PARTS if part not in found],
        )
    )


def write_trust(found: Mapping[str, Any], path: Path) -> Path:
    """Write the page and return its path; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_trust(found), encoding="utf-8")
    return path
