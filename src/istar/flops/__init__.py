"""FLOPs: the rulebook, the meter, analytic costs of runs, and the prices of a question's rows."""

from istar.flops.costs import CostModel, CostModelError, RegimeCosts, cost_model_from_json, fit_cost_model
from istar.flops.meter import BudgetExceededError, Meter, MeterError, MeterReading, meter_reading_from_json
from istar.flops.prices import Bill, PriceError, PriceSheet, price_sheet
from istar.flops.rulebook import RULEBOOK, RULEBOOKS, Rulebook, UnknownOperationError

__all__ = [
    "RULEBOOK",
    "RULEBOOKS",
    "Bill",
    "BudgetExceededError",
    "CostModel",
    "CostModelError",
    "Meter",
    "MeterError",
    "MeterReading",
    "PriceError",
    "PriceSheet",
    "RegimeCosts",
    "Rulebook",
    "UnknownOperationError",
    "cost_model_from_json",
    "fit_cost_model",
    "meter_reading_from_json",
    "price_sheet",
]
