"""FLOPs: the rulebook, the meter, analytic costs of runs, and the prices of a question's rows."""

from typing import TYPE_CHECKING

from istar.deferred import deferred

if TYPE_CHECKING:
    from istar.flops.costs import (
        CostModel,
        CostModelError,
        RegimeCosts,
        cost_model_from_json,
        fit_cost_model,
        fit_costs_by_op,
    )
    from istar.flops.meter import BudgetExceededError, Meter, MeterError, MeterReading, meter_reading_from_json
    from istar.flops.prices import Bill, PriceError, PriceSheet, price_sheet, rows_by_op
    from istar.flops.repricing import Repricing, RepricingError
    from istar.flops.rulebook import (
        RULEBOOK,
        RULEBOOKS,
        Rulebook,
        RulebookError,
        UnknownOperationError,
        rulebook_from_json,
    )
else:
    __getattr__ = deferred(__name__)

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
    "Repricing",
    "RepricingError",
    "Rulebook",
    "RulebookError",
    "UnknownOperationError",
    "cost_model_from_json",
    "fit_cost_model",
    "fit_costs_by_op",
    "meter_reading_from_json",
    "price_sheet",
    "rows_by_op",
    "rulebook_from_json",
]
