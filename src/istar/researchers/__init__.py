"""Researchers: who proposes methods and learns from their rewards."""

from istar.researchers.evolve import EvolveResearcher
from istar.researchers.feedback import ArmCurve, Feedback, QuestionFeedback
from istar.researchers.grammar.ablation import ablations
from istar.researchers.grammar.parzen import GrammarResearcher
from istar.researchers.grammar.primitives import PRIMITIVES, PrimitiveError, add_primitive
from istar.researchers.grpo.researcher import GrpoResearcher
from istar.researchers.language_model import LanguageModelResearcher
from istar.researchers.policy import PolicyResearcher
from istar.researchers.random import RandomResearcher
from istar.researchers.researcher import RESEARCHERS, NothingNewError, Proposal, Researcher, ResearcherError
from istar.researchers.workbench import (
    BudgetSpentError,
    Check,
    QuestionCheck,
    TargetView,
    Trained,
    TrainingQuestion,
    Use,
    Workbench,
)

__all__ = [
    "PRIMITIVES",
    "RESEARCHERS",
    "ArmCurve",
    "BudgetSpentError",
    "Check",
    "EvolveResearcher",
    "Feedback",
    "GrammarResearcher",
    "GrpoResearcher",
    "LanguageModelResearcher",
    "NothingNewError",
    "PolicyResearcher",
    "PrimitiveError",
    "Proposal",
    "QuestionCheck",
    "QuestionFeedback",
    "RandomResearcher",
    "Researcher",
    "ResearcherError",
    "TargetView",
    "Trained",
    "TrainingQuestion",
    "Use",
    "Workbench",
    "ablations",
    "add_primitive",
]
