"""Researchers: who proposes methods and learns from their rewards."""

from istar.researchers.evolve import EvolveResearcher
from istar.researchers.grammar.ablation import ablations
from istar.researchers.grammar.parzen import GrammarResearcher
from istar.researchers.grammar.primitives import PRIMITIVES, PrimitiveError, add_primitive
from istar.researchers.policy import PolicyResearcher
from istar.researchers.random import RandomResearcher
from istar.researchers.researcher import RESEARCHERS, Feedback, NothingNewError, Proposal, Researcher, ResearcherError

__all__ = [
    "PRIMITIVES",
    "RESEARCHERS",
    "EvolveResearcher",
    "Feedback",
    "GrammarResearcher",
    "NothingNewError",
    "PolicyResearcher",
    "PrimitiveError",
    "Proposal",
    "RandomResearcher",
    "Researcher",
    "ResearcherError",
    "ablations",
    "add_primitive",
]
