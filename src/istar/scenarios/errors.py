"""What a user can do wrong."""

from istar.errors import IstarError


class ScenarioError(IstarError):
    """A run of which no scenario can be told, priors that are none, or a table of likelihoods that is none."""
