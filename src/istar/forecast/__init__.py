"""When research like this one could be automated: the document's timeline as a distribution over years.

The length of tasks that models complete doubles at some pace; research is automated once it reaches the length that
research takes. Nothing here looks at a model or at a run.
"""

from istar.forecast.inputs import PRESETS, ForecastError, Inputs, Preset, Range, forecast_inputs, read_inputs
from istar.forecast.model import Forecast, Input, Move, forecast, moves
from istar.forecast.picture import draw

__all__ = [
    "PRESETS",
    "Forecast",
    "ForecastError",
    "Input",
    "Inputs",
    "Move",
    "Preset",
    "Range",
    "draw",
    "forecast",
    "forecast_inputs",
    "moves",
    "read_inputs",
]
