"""Questions as pure data: runs, readouts, interventions, structure, functionals.

Nothing here runs a model. A question is a table of runs whose values are dear to compute, and a functional that
turns the column of values into the answer.
"""

from istar.questions.batches import grid_groups, nested_batches
from istar.questions.functionals import (
    FUNCTIONALS,
    BestArmMean,
    DatamodelEffects,
    Functional,
    FunctionalError,
    LinearFunctional,
    RemovalEffects,
    ShapleyValues,
    UpperTail,
    functional_from_json,
)
from istar.questions.interventions import INTERVENTIONS, Intervention, intervention_from_json
from istar.questions.question import Question, QuestionError, QuestionView, question_from_json, view_from_json
from istar.questions.readouts import (
    READOUTS,
    Entropy,
    GreedyCorrect,
    KLFrom,
    Path,
    Readout,
    ReadoutError,
    SpanLogprob,
    SpanLoss,
    SpanMargin,
    readout_from_json,
)
from istar.questions.runs import Run, run_from_json
from istar.questions.structure import Column, Role, Structure, StructureError, structure_from_json
from istar.questions.trie import Trie, build_trie

__all__ = [
    "FUNCTIONALS",
    "INTERVENTIONS",
    "READOUTS",
    "BestArmMean",
    "Column",
    "DatamodelEffects",
    "Entropy",
    "Functional",
    "FunctionalError",
    "GreedyCorrect",
    "Intervention",
    "KLFrom",
    "LinearFunctional",
    "Path",
    "Question",
    "QuestionError",
    "QuestionView",
    "Readout",
    "ReadoutError",
    "RemovalEffects",
    "Role",
    "Run",
    "ShapleyValues",
    "SpanLogprob",
    "SpanLoss",
    "SpanMargin",
    "Structure",
    "StructureError",
    "Trie",
    "UpperTail",
    "build_trie",
    "functional_from_json",
    "grid_groups",
    "intervention_from_json",
    "nested_batches",
    "question_from_json",
    "readout_from_json",
    "run_from_json",
    "structure_from_json",
    "view_from_json",
]
