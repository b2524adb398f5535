"""Environments: research on methods as episodes, for agents and trainers of others."""

from istar.environments.budget import Budget, EpisodeError, Left, budget_of
from istar.environments.environment import Environment, open_environment
from istar.environments.episode import Episode, Reply
from istar.environments.tools import TOOLS, ToolError, schemas

__all__ = [
    "TOOLS",
    "Budget",
    "Environment",
    "Episode",
    "EpisodeError",
    "Left",
    "Reply",
    "ToolError",
    "budget_of",
    "open_environment",
    "schemas",
]
