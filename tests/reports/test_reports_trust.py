"""The page of what the measurement withstood: whatever did not hold must stand at its top."""

import copy
import json

import pytest

from istar.reports.trust import TrustError, broken, read_counts, render_trust, write_trust

SOUND = {
    "machine": {"processor": "made up", "cores": 2, "torch": "2.13.0"},
    "operations": {
        "counted": {"cases": 9000, "exact": 5000, "within_2": 8000, "least": 0.3, "most": 3.9},
        "witnessed": {
            "timed": 3000,
            "product_flops_per_second": 1e11,
            "most": 3.2,
            "slow": [2, 0],
            "kinds": {"sorting": {"cases": 9, "of_product": 12.5, "most": 1.5}},
            "listed": {"torch.scan*": {"reason": "each number waits for the one before", "most": 7.25}},
        },
        "faults": [],
    },
    "attacks": {
        "walls": {"fence": {"tried": 9, "held": 9, "known open": 0, "rejected": 7, "passes": 2}},
        "broken": [],
        "open": [],
        "honest": {"tried": 20, "flagged": []},
    },
    "witness": {
        "honest": {"tried": 100, "flagged": []},
        "hiding": {"tried": 8, "missed": []},
        "by machine and task": {
            "as it is": {
                "a/b": {
                    "honest": {"tried": 100, "flagged": [], "most of what is allowed": {"slow": 0.31, "quick": 0.1}},
                    "hiding": {"tried": 8, "missed": []},
                },
                "c/d": {"honest": {"tried": 1, "flagged": [], "most of what is allowed": {"slow": 0.0}}},
            }
        },
    },
    "statistics": {
        "intervals": {
            "something saved": {"evaluations": 400, "held": 0.95, "above": 0.02, "below": 0.03, "null": False},
            "nothing saved": {"evaluations": 400, "held": 0.96, "above": 0.03, "below": 0.01, "null": True},
        },
        "adversary": {
            "queries": 10_000,
            "questions": 24,
            "standard_errors_gained": {
                "through the guard": {"mean": 0.1, "most": 1.4},
                "without it": {"mean": 11.0, "most": 12.0},
            },
        },
        "memorised": {"evaluations": 400, "best_of": {"1": 0.01, "24": 0.1}},
    },
    "posterior": {
        "held": 0.94,
        "standard_error": 0.01,
        "before": 0.89,
        "tasks": {"a/b": {"kind": "arm_means", "questions": 8, "held": 0.94, "before": 0.89, "factor": 1.4}},
    },
    "faults": {
        "kills": {"one worker": {"kills": 100, "searches_resumed": 20, "faults": []}},
        "damage": {"damaged": 10, "ends": {"ledger": {"an error that names the file": 10}}, "faults": []},
        "inputs": {"ends": {"methods": {"an error": 5}}, "faults": []},
        "faults": [],
    },
    "guided": {"tried": 1200, "by_loader": {"curve": 1200}, "features": {"curve": 142}, "faults": []},
}


def changed(change):
    found = copy.deepcopy(SOUND)
    change(found)
    return found


def test_a_sound_run_says_so():
    assert broken(SOUND) == []
    page = render_trust(SOUND)
    assert "All that was tried held</h1>" in page
    assert "Not run" not in page
    assert "each number waits for the one before" in page
    assert "7 rejected, 2 passes" in page
    assert "9,000 forms: 5,000 are billed exactly" in page
    assert "3,000 of them were timed" in page
    assert "10,000 queries" in page
    assert "100 recordings of honest methods, 0 of them flagged; 8 of methods that compute in Python" in page
    assert "31%" in page
    assert "94.0% (standard error 1.0%), and 89.0% without the factor" in page


def test_what_is_known_to_be_open_stands_in_the_title():
    ours = {"attack": "forge", "expected": "error", "found": "it ran", "held": False, "known_open": True}
    opened = [{**ours, "wall": wall} for wall in ("bubblewrap", "landlock")]
    page = render_trust(changed(lambda found: found["attacks"].update(open=opened)))
    assert "All that was tried held, but for 1 known attack</h1>" in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda found: found["attacks"]["broken"].append(
                {"attack": "read_a_file", "wall": "landlock", "expected": "harmless", "found": "it got <b>it</b>"}
            ),
            "attack read_a_file at landlock: it got",
        ),
        (
            lambda found: found["attacks"]["honest"]["flagged"].append(
                {"method": "scan", "wall": "fence", "reason": "line 3"}
            ),
            "honest method scan was flagged at fence: line 3",
        ),
        (
            lambda found: found["witness"]["honest"]["flagged"].append({"method": "scan", "reason": "3.0 inside"}),
            "honest method scan was flagged by its processor time: 3.0 inside",
        ),
        (
            lambda found: found["witness"]["hiding"]["missed"].append({"hiding": "a loop", "said": {}}),
            "arithmetic in Python was missed: a loop",
        ),
        (
            lambda found: found["posterior"].update(held=0.85),
            "the statistician's intervals held the truth in 85.0% of training questions",
        ),
        (
            lambda found: found["statistics"]["intervals"]["something saved"].update(held=0.88),
            "intervals held the truth in 88.0% of 400 evaluations: something saved",
        ),
        (
            lambda found: found["statistics"]["intervals"]["nothing saved"].update(above=0.09),
            "noise was called better in 9.0% of 400 evaluations: nothing saved",
        ),
        (
            lambda found: found["statistics"]["adversary"]["standard_errors_gained"]["through the guard"].update(
                mean=2
            ),
            "an adversary gained 2.00 standard errors through the guard",
        ),
        (
            lambda found: found["statistics"]["memorised"]["best_of"].update({"1": 0.03}),
            "of methods that know no answer 3.0% are marked as memorised, not 1%",
        ),
        (lambda found: found["faults"]["faults"].append("a round was lost"), "a round was lost"),
        (
            lambda found: found["operations"]["faults"].append("torch.sort is billed 5 for 40"),
            "torch.sort is billed 5 for 40",
        ),
        (lambda found: found["guided"]["faults"].append("curve: KeyError"), "curve: KeyError"),
        (lambda found: found.update(tests={"tried": 2, "faults": ["tests.truth failed"]}), "tests.truth failed"),
    ],
)
def test_what_did_not_hold_is_named(change, said):
    found = changed(change)
    assert len(broken(found)) == 1
    assert broken(found)[0].startswith(said)
    page = render_trust(found)
    assert "1 things did not hold" in page
    assert "<b>it</b>" not in page


def test_a_part_that_was_not_run_is_named(tmp_path):
    found = changed(lambda found: found.pop("faults"))
    page = write_trust(found, tmp_path / "new" / "trust.html").read_text()
    assert "Not run: faults" in page


def test_counts_are_read_or_said_to_be_missing(tmp_path):
    path = tmp_path / "trust.json"
    with pytest.raises(TrustError, match="there is no file"):
        read_counts(path)
    path.write_text("{")
    with pytest.raises(TrustError, match="holds no counts"):
        read_counts(path)
    path.write_text("{}")
    with pytest.raises(TrustError, match="none of the parts"):
        read_counts(path)
    path.write_text(json.dumps(SOUND))
    assert read_counts(path) == SOUND
