"""The surprise of a question's rows: bits to write them down, one after the other, as an executor bought them.

It is a prequential code (Dawid, Present position and potential developments, 1984; Rissanen, Stochastic complexity and
modeling, 1986): each row costs what its value was improbable under the executor's predictive distribution at that
moment, given the rows bought before and the channels bought by then. So a reader who holds the method and its
interpretation, and has an executor of the same kind, can follow and write down the whole table from the bits alone.
"""

from istar.executors.prequential.code import PRECISION, row_bits
from istar.executors.prequential.coders import RowCoder, row_coder, states_beliefs, surprise
from istar.executors.prequential.statistician import StatisticianCoder

__all__ = ["PRECISION", "RowCoder", "StatisticianCoder", "row_bits", "row_coder", "states_beliefs", "surprise"]
