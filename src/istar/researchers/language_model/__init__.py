"""A language model in M1's chair: it is shown what was tried, and writes methods."""

from istar.researchers.language_model.researcher import LanguageModelResearcher

__all__ = ["LanguageModelResearcher"]
