"""Rewards: skill, efficiency curves, compute multipliers, and the formulas that make one number of them."""

from istar.rewards.bootstrap import Estimate
from istar.rewards.curves import Arm, Curve, CurveError, MethodFacts, curve_from_json, curve_from_trace
from istar.rewards.formulas import REWARDS, LinearReward, LogReward, PowerReward, Reward, SamplesReward, Score
from istar.rewards.mdl import MdlReward
from istar.rewards.multipliers import LEVELS, Comparison, MultiplierEstimate, Summary, compare
from istar.rewards.skill import SkillError, blind_loss, reference_losses, skill

__all__ = [
    "LEVELS",
    "REWARDS",
    "Arm",
    "Comparison",
    "Curve",
    "CurveError",
    "Estimate",
    "LinearReward",
    "LogReward",
    "MdlReward",
    "MethodFacts",
    "MultiplierEstimate",
    "PowerReward",
    "Reward",
    "SamplesReward",
    "Score",
    "SkillError",
    "Summary",
    "blind_loss",
    "compare",
    "curve_from_json",
    "curve_from_trace",
    "reference_losses",
    "skill",
]
