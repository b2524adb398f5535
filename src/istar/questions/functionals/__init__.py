"""Functionals: how a column of values becomes the answer, and how an answer is scored."""

from istar.questions.functionals.arms import ArmMeans, ArmRanking, ArmSpread
from istar.questions.functionals.base import (
    FUNCTIONALS,
    Contest,
    Functional,
    FunctionalError,
    LinearFunctional,
    functional_from_json,
)
from istar.questions.functionals.changes import BehaviourChanges
from istar.questions.functionals.choice import ArmChoice
from istar.questions.functionals.effects import DatamodelEffects, RemovalEffects, ShapleyValues
from istar.questions.functionals.extremes import BestArmMean, Floors, UpperTail
from istar.questions.functionals.intent import IntentProbability
from istar.questions.functionals.probabilities import Calibration, LogMeanProbability, StayingCrossing
from istar.questions.functionals.sealed_arms import SealedArmRanking

__all__ = [
    "FUNCTIONALS",
    "ArmChoice",
    "ArmMeans",
    "ArmRanking",
    "ArmSpread",
    "BehaviourChanges",
    "BestArmMean",
    "Calibration",
    "Contest",
    "DatamodelEffects",
    "Floors",
    "Functional",
    "FunctionalError",
    "IntentProbability",
    "LinearFunctional",
    "LogMeanProbability",
    "RemovalEffects",
    "SealedArmRanking",
    "ShapleyValues",
    "StayingCrossing",
    "UpperTail",
    "functional_from_json",
]
