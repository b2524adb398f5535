"""Researchers: who proposes methods and learns from their rewards."""

from istar.researchers.evolve import EvolveResearcher
from istar.researchers.grammar import GrammarResearcher, RandomResearcher
from istar.researchers.policy import PolicyResearcher
from istar.researchers.researcher import RESEARCHERS, Feedback, Proposal, Researcher, ResearcherError

__all__ = [
    "RESEARCHERS",
    "EvolveResearcher",
    "Feedback",
    "GrammarResearcher",
    "PolicyResearcher",
    "Proposal",
    "RandomResearcher",
    "Researcher",
    "ResearcherError",
]
