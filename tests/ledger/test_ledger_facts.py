"""What rewards may use beside FLOPs is in the ledger, so that a run is rescored with it."""

from dataclasses import replace

import pytest
from ledger_records import BLACK, CONFIG, EVALUATION, METHOD, PROPOSAL, ROUND, WHITE

from istar.ledger import BASELINE, Ledger, Spending
from istar.protocol.rescore import rescore
from istar.rewards import MethodFacts, Reward

FACTS = MethodFacts("a" * 64, 2**20, 10**9, channels=3, batches=2, flops=110)


class Bits(Reward):
    """Nothing but the price of an interpretation, and of what the executor says it asked."""

    name = "bits"
    formula = "-bits of the interpretation - calls"

    def by_question(self, baseline, interp):
        return {
            (white.task, white.question_hash): -8.0 * white.method.interpretation_bytes - white.measures["calls"]
            for white in interp
        }


def test_a_run_is_rescored_with_what_its_curves_say_of_the_method(tmp_path):
    with Ledger(f"sqlite:///{tmp_path}/ledger.sqlite") as ledger:
        ledger.open_run("run", CONFIG, versions={}, machine={})
        ledger.add_method("run", PROPOSAL, "def interpret(): ...\n")
        ledger.add_evaluation("run", replace(EVALUATION, stage="baseline", method=BASELINE, spending=Spending()), BLACK)
        white = [replace(curve, method=FACTS, measures={"calls": 4}) for curve in WHITE]
        ledger.add_evaluation("run", EVALUATION, white)
        ledger.add_round("run", ROUND, {})
        assert list(ledger.curves("run", stage="train", method=METHOD)) == white
        (rescored,) = rescore(ledger, "run", Bits())
    assert rescored.reward == pytest.approx(-(2**23) - 4)
