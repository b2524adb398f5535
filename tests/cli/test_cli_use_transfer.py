"""`istar use anomalies` and `horizon`: what is shown and drawn, and mistakes that are told."""

import xml.etree.ElementTree as ElementTree

import pytest

from istar.cli.app import ERROR, METHOD_FAULT, run
from istar.cli.use_transfer_shown import draw_anomalies, draw_horizon, show_anomalies, show_horizon
from istar.rewards.bootstrap import Estimate
from istar.rewards.multipliers import Comparison, MultiplierEstimate
from istar.uses.anomalies import BLACK_BOX, RANDOM, RAW, UNTRAINED, Anomalies, Compared, Graded
from istar.uses.anomaly_scores import SCORES
from istar.uses.auroc import Area
from istar.uses.horizon import AtLength, Detection, Transfer


def area(estimate, low, high, corrected=1.0):
    return Area(estimate, low, high, corrected, corrected, 0.1, -0.1, 0.3, (estimate,))


@pytest.fixture
def anomalies():
    tests = [
        Graded(features, score, area(0.6, 0.4, 0.8), 10**9)
        for features in ("mine", RAW, RANDOM, UNTRAINED)
        for score in SCORES
    ]
    tests[0] = Graded("mine", "mahalanobis", area(0.9, 0.8, 1.0, 0.01), 10**9)
    tests[1] = Graded("mine", "spectral", area(0.1, 0.0, 0.2, 0.01), 10**9)
    tests.append(Graded(BLACK_BOX, "best on others", area(0.7, 0.5, 0.9), 10**8))
    compared = Compared("plural", "linnet", "merlin", (20, 24), 60, "less entropy")
    return Anomalies("mine", "tiny", 2, (compared,), tuple(tests), {"entropy": 0.2}, False, 10, 20)


def transfer(multipliers, areas):
    lengths = tuple(
        AtLength(
            80 * 2**place,
            Comparison("t", ("t",), {0.8: MultiplierEstimate(*each, False, "exact", 0, 3)}, Estimate(0, 0, 0)),
            *(2, 6, Detection(area(*one), area(0.95, 0.9, 1.0), 10**9, 10**10)),
        )
        for place, (each, one) in enumerate(zip(multipliers, areas, strict=True))
    )
    return Transfer("mine", "tiny", "reviews", 10, 10**9, 0.42, lengths)


def test_what_holds_after_correction_is_marked_by_its_side_of_chance(anomalies, capsys):
    show_anomalies(anomalies)
    lines = capsys.readouterr().out.splitlines()
    told = " ".join(" ".join(lines).split())
    assert [line for line in lines if "mahalanobis" in line and "0.010 *" in line]
    assert [line for line in lines if "spectral" in line and "0.010 !" in line]
    assert sum("*" in line and "0.010" in line for line in lines) == 1
    assert "17 scores are tested at once" in told
    assert "mine learns nothing of a target, so its untrained I* is the same" in told
    assert "20 and 24" in told


def test_the_picture_has_a_panel_a_score_with_all_areas_there_can_be(anomalies, tmp_path):
    draw_anomalies(anomalies, tmp_path / "it.svg")
    picture = (tmp_path / "it.svg").read_text()
    ElementTree.fromstring(picture)
    assert all(f">{score}<" in picture for score in SCORES)
    assert picture.count("<polygon") == len(SCORES) * 5  # an interval for each set of features, and the black box
    assert all(f">{name}<" in picture for name in ("mine", RAW, RANDOM, UNTRAINED, BLACK_BOX))


@pytest.mark.parametrize(
    ("multipliers", "areas", "said"),
    [
        (
            [(2.0, 1.5, 2.5), (1.2, 0.9, 1.4)],
            [(0.9, 0.8, 1.0), (0.9, 0.7, 1.0)],
            [
                "saving: transfer ends at 160 tokens, 2 times as many: there the interval first holds 1, nothing saved",
                "detection: no interval reaches 0.5, chance: it transfers to all lengths that were measured",
            ],
        ),
        (
            [(1.0, 1.0, 1.0), (1.2, 0.9, 1.4)],
            [(0.9, 0.8, 1.0), (0.6, 0.5, 1.0)],
            [
                "saving: the interval holds 1, nothing saved, at 80 tokens already: there is nothing that could",
                "detection: transfer ends at 160 tokens, 2 times as many: there the interval first holds 0.5, chance",
            ],
        ),
    ],
)
def test_where_transfer_ends_is_said_and_drawn(multipliers, areas, said, tmp_path, capsys):
    found = transfer(multipliers, areas)
    show_horizon(found)
    told = " ".join(capsys.readouterr().out.split())
    assert all(each in told for each in said)
    assert "2 of 6" in told
    draw_horizon(found, tmp_path / "it.svg")
    picture = (tmp_path / "it.svg").read_text()
    ElementTree.fromstring(picture)
    assert picture.count("ends</text>") == sum("ends at" in each or "already" in each for each in said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["anomalies", "--words", "7"], "--words 7; give 8 to 1000"),
        (["anomalies", "--organisms", "lynx"], "no organism is called 'lynx'"),
        (["anomalies"], "tiny-random has organisms to compare on 0 relations"),
        (
            ["horizon", "--length", "4000"],
            "at 16 times that, rows have 64001 tokens, and tiny-random has 4096 positions",
        ),
        (["horizon", "--texts", "novels"], "--texts 'novels': give one of reviews, scripture"),
    ],
)
def test_mistakes_are_told(words, said, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    assert run(["use", *words, "--method", "answer_logits", "--target", "tiny-random"]) == ERROR
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_run_without_an_interpretation(tmp_path, capsys):
    from istar.protocol.run_folder import CONFIG_FILE

    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / CONFIG_FILE).write_text("{}")
    assert run(["use", "anomalies", "--method", str(tmp_path / "begun")]) == METHOD_FAULT
    told = " ".join(capsys.readouterr().err.split())
    assert "the run 'begun' in" in told
    assert (
        "has no I* yet, so there is no interpretation to use; let it go on (`istar search --run begun --resume`)"
        in told
    )
