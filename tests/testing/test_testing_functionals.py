"""Every shipped functional conforms, and the suite finds each fault that it should."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from suites import failures

from istar.questions import (
    FUNCTIONALS,
    ArmChoice,
    ArmMeans,
    ArmRanking,
    ArmSpread,
    BehaviourChanges,
    BestArmMean,
    Calibration,
    Column,
    Contest,
    DatamodelEffects,
    Floors,
    Functional,
    IntentProbability,
    LogMeanProbability,
    Question,
    RemovalEffects,
    Run,
    ShapleyValues,
    SpanLogprob,
    StayingCrossing,
    Structure,
    UpperTail,
)
from istar.questions.functionals.sealed_arms import SealedArmRanking
from istar.testing.functionals import FunctionalConformance

ARMS, REPLICATES = 6, 8


def question_of(functional, sealed=False):
    """A question of six arms in eight replicates; where some are sealed they come last."""
    arm, replicate = (each.reshape(-1) for each in np.mgrid[:ARMS, :REPLICATES])
    shut = sealed & ((arm // 2 == 2) | (replicate % 2 == 1))
    order = np.argsort(shut, kind="stable")
    arm, replicate, shut = arm[order], replicate[order], shut[order]
    columns = {
        "arm": ("arm", arm),
        "half": ("arm", arm % 2),
        "third": ("arm", arm // 2),
        "left": ("switch", arm // 3),
        "right": ("switch", arm % 2),
        "replicate": ("nuisance", replicate),
    }
    chosen = {
        "shapley_values": ("left", "right", "replicate"),
        "datamodel_effects": ("arm", "left", "right", "replicate"),
        "removal_effects": ("half", "third", "replicate"),
        "behaviour_changes": ("half", "third", "replicate"),
        "staying_crossing": ("half", "third", "replicate"),
        "intent_probability": ("half", "third", "replicate"),
    }.get(functional.kind, ("arm", "replicate"))
    found = [Column(name, columns[name][0], tuple(map(float, columns[name][1]))) for name in chosen]
    if sealed:
        found.append(Column("sealed", "sealed", tuple(map(float, shut))))
    runs = tuple(
        Run((0, *range(50 + 20 * r, 60 + 20 * r), 300 + a, 2), SpanLogprob(12))
        for a, r in zip(arm.tolist(), replicate.tolist(), strict=True)
    )
    return Question("made/up", 0, runs, Structure(tuple(found)), functional)


SHIPPED = {
    "ArmMeans": (ArmMeans("arm"), 1),
    "ArmMeansAboveReference": (ArmMeans("arm", reference=True), 0),
    "ArmRanking": (ArmRanking("arm"), 0),
    "ArmChoice": (ArmChoice("arm", curve=0.1, value=1.0), 1),
    "ArmChoiceAboveReference": (ArmChoice("arm", reference=True, lowest=True), 0),
    "ArmSpread": (ArmSpread("arm", ("mean", "spread", "best", "low")), 0),
    "BestArmMean": (BestArmMean("arm", "replicate"), 1),
    "UpperTail": (UpperTail(0.9), 1),
    "Floors": (Floors("arm"), 0),
    "Calibration": (Calibration(), 0),
    "LogMeanProbability": (LogMeanProbability(), 0),
    "StayingCrossing": (StayingCrossing("half", "third", 0.0), 0),
    "ShapleyValues": (ShapleyValues(), 0),
    "RemovalEffects": (RemovalEffects("half", "third"), 0),
    "DatamodelEffects": (DatamodelEffects("arm", 2), 0),
    "BehaviourChanges": (BehaviourChanges("half", "third"), 0),
    "IntentProbability": (IntentProbability("half", "third"), 0),
    "SealedArmRanking": (SealedArmRanking("arm"), 0),
}


def suite_of(functional, answered=0):
    sealed = isinstance(functional, IntentProbability | SealedArmRanking)

    class Suite(FunctionalConformance):
        def question(self):
            return question_of(functional, sealed)

    Suite.answered = answered
    return Suite


for _name, (_functional, _answered) in SHIPPED.items():
    globals()[f"Test{_name}"] = type(f"Test{_name}", (suite_of(_functional, _answered),), {})


def test_every_shipped_functional_is_among_them():
    shipped = {kind for kind in FUNCTIONALS if FUNCTIONALS.get(kind).__module__.startswith("istar.")}
    assert shipped == {functional.kind for functional, _ in SHIPPED.values()}


@dataclass(frozen=True)
class Sound(Functional):
    """The mean of each half of the arms; faults are made by overriding."""

    kind: ClassVar[str] = "of_a_test"

    def answer(self, values, structure):
        first = structure.levels("arm") < ARMS // 2
        return np.stack([values[..., first].mean(-1), values[..., ~first].mean(-1)], axis=-1)


class OneColumn(Sound):
    def answer(self, values, structure):
        first = structure.levels("arm") < ARMS // 2
        return np.array([values[first].mean(), values[~first].mean()])


class MeanOfAllColumns(Sound):
    def answer(self, values, structure):
        return np.broadcast_to(values.mean(), (*values.shape[:-1], 1))


class OneLeadingAxis(Sound):
    def answer(self, values, structure):
        return values.mean(-1)[:, None] if values.ndim == 2 else values.reshape(-1).mean(keepdims=True)


class Scalar(Sound):
    def answer(self, values, structure):
        return values.mean(-1)


class NotFinite(Sound):
    def answer(self, values, structure):
        return super().answer(values, structure) / 0.0


class AtRandom(Sound):
    def answer(self, values, structure):
        return super().answer(values, structure) + np.random.default_rng().normal()


class Writes(Sound):
    def answer(self, values, structure):
        answer = super().answer(values, structure)
        values[..., 0] = 7.0
        return answer


class LossAtTheTruth(Sound):
    def loss(self, answer, values, structure):
        return super().loss(answer, values, structure) + 1.0


class NegativeLoss(Sound):
    def loss(self, answer, values, structure):
        return -super().loss(answer, values, structure)


class OtherWeights(Sound):
    def weights(self, structure):
        return np.full((2, structure.rows), 0.5)


class AllReplicates(Sound):
    def answer(self, values, structure):
        first, second = (structure.levels("replicate") == each for each in (0, REPLICATES - 1))
        return np.stack([values[..., first].mean(-1), values[..., second].mean(-1)], axis=-1)


class NoSuchColumn(Sound):
    measured_against = "nothing"


class NegativeWorth(Sound):
    def row_worth(self, draws, structure):
        return np.full(structure.rows, -1.0)


class UnsaidDesign(Sound):
    design = "contest"


class WrongLengthLinearised(Sound):
    design = "linearised"

    def linearised(self, draws, structure):
        return np.ones((2, structure.rows - 1))


FAULTS = {
    OneColumn: "test_answers_for_several_columns_at_once",
    MeanOfAllColumns: "test_answers_for_several_columns_at_once",
    OneLeadingAxis: "test_answers_for_several_columns_at_once",
    Scalar: "test_answers_with_numbers",
    NotFinite: "test_answers_with_numbers",
    AtRandom: "test_answers_with_numbers",
    Writes: "test_leaves_what_it_is_given",
    LossAtTheTruth: "test_truth_has_no_loss",
    NegativeLoss: "test_truth_has_no_loss",
    OtherWeights: "test_weights_give_the_answer",
    AllReplicates: "test_can_be_asked_of_half_the_replicates",
    NoSuchColumn: "test_names_columns_that_are_there",
    NegativeWorth: "test_says_what_to_look_at",
    UnsaidDesign: "test_says_what_to_look_at",
    WrongLengthLinearised: "test_says_what_to_look_at",
}


@pytest.fixture
def registered(monkeypatch):
    """Register a class under the kind of the tests."""

    def register(kind):
        monkeypatch.setitem(FUNCTIONALS._entries, "of_a_test", kind)
        return kind()

    return register


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("kind", "test"), FAULTS.items(), ids=[kind.__name__ for kind in FAULTS])
def test_a_fault_is_found(registered, kind, test):
    assert test in failures(suite_of(registered(kind))())


class OwnLinear(Sound):
    def weights(self, structure):
        first = structure.levels("arm") < ARMS // 2
        return np.stack([first / first.sum(), ~first / (~first).sum()])


class OwnWorth(Sound):
    """The best mean of an arm; rows of arms that may have it are worth most."""

    def answer(self, values, structure):
        return self.means(values, structure).max(-1, keepdims=True)

    def means(self, values, structure):
        arm = structure.levels("arm")
        return np.stack([values[..., arm == each].mean(-1) for each in range(ARMS)], axis=-1)

    def row_worth(self, draws, structure):
        best = self.means(draws, structure).argmax(-1)
        return np.bincount(best, minlength=ARMS)[structure.levels("arm")] / len(draws)


class OwnLinearised(OwnWorth):
    """The same, said by the gradient: the mean of the arm that has it in a draw."""

    design = "linearised"

    def linearised(self, draws, structure):
        arm = structure.levels("arm")
        chance = np.bincount(self.means(draws, structure).argmax(-1), minlength=ARMS) / len(draws)
        return np.stack([chance[each] * (arm == each) / (arm == each).sum() for each in range(ARMS)])


class OwnContest(OwnWorth):
    """Which arm is best; those contend that are in some draws."""

    design = "contest"
    compared = "arm"

    def answer(self, values, structure):
        means = self.means(values, structure)
        return np.stack([means.argmax(-1) == each for each in range(ARMS)], axis=-1).astype(float)

    def loss(self, answer, values, structure):
        means = self.means(values, structure)
        return float(means.max() - means[np.argmax(answer)]) if answer.max() > 0 else float(means.max() - means.mean())

    def contest(self, draws, structure):
        arm, means = structure.levels("arm"), self.means(draws, structure)
        best = int(means.mean(0).argmax())
        gain = np.maximum(means - means[:, [best]], 0.0).mean(0)
        return Contest(gain[arm], arm == best, float(gain.max()), ARMS)


@pytest.mark.parametrize("kind", [Sound, OwnLinear, OwnWorth, OwnLinearised, OwnContest])
def test_a_sound_one_of_every_design_passes_and_is_heard(registered, kind):
    assert failures(suite_of(registered(kind), 2)()) == []


def test_one_that_executors_are_deaf_to_is_found(registered):
    class Exact(Sound):
        def answer(self, values, structure):
            return super().answer(np.sin(1e9 * values), structure)

        def loss(self, answer, values, structure):
            return float(np.abs(answer - self.answer(values, structure)).max() > 1e-9)

    found = failures(suite_of(registered(Exact), 1)())
    assert set(found) == {"test_an_executor_hears_a_method_that_it_knows", "test_an_executor_hears_a_stranger"}


def test_what_no_executor_can_answer_is_found(registered):
    class NoDraws(Sound):
        def answer(self, values, structure):
            return super().answer(values, structure) if len(values) <= 8 or values.ndim == 1 else values[..., :2] / 0.0

    with np.errstate(divide="ignore", invalid="ignore"):
        assert "test_an_executor_answers_it" in failures(suite_of(registered(NoDraws), 1)())


def test_one_that_nobody_can_find_is_found():
    assert "test_survives_json" in failures(suite_of(Sound())())
