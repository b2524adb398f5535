"""How much arithmetic can hide in Python, where no meter counts, and what processor time says of it."""

from types import SimpleNamespace

import pytest

from istar.arms.sessions import SandboxSession
from istar.flops.kinds import KINDS
from istar.flops.timed import KindUse
from istar.flops.witness import BETWEEN, THREADS, Clocked, KindRate, Rates, judged, together
from istar.methods.contract import MethodError
from istar.questions import nested_batches
from istar.sandbox.battery import LIMITS
from istar.sandbox.client import Worker
from istar.sandbox.jail.process import CLOCK_TICKS
from istar.seeds import Seed
from measured import grown

HIDING = """
import torch
from istar.methods import Interpretation

def interpret(target, corpus):
    return Interpretation()

def prepare(question, target, interpretation):
    products, places = {{number: number / 7 for number in range(256)}}, [number % 256 for number in range(100_000)]
    return sum(sum(map(products.get, places)) for _ in range({times}))

def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
"""
HIDDEN_FLOPS = 2 * 100_000
"""A product and a sum for each number: the fastest scalar product that the fence lets Python have."""


def test_python_hides_little_in_a_second(shooting):
    """Little beside what torch does in a second of the same processor, which is what explains processor time."""
    batches = nested_batches(shooting.view.structure, Seed.root(0))

    def seconds(times):
        source = HIDING.format(times=times)
        worker = Worker(source, shooting.jail.target, jail=shooting.jail, limits=LIMITS)
        content = worker.interpret(shooting.corpus).content
        return worker.record(shooting.view, "a" * 64, batches, content).cpu_seconds

    nothing = seconds(0)
    times, found = grown(seconds, enough=nothing + 100 / CLOCK_TICKS)  # so that a tick more or less does not matter
    hidden_a_second = times * HIDDEN_FLOPS / (found - nothing)
    assert hidden_a_second < shooting.jail.known_rates().forward_flops_per_second / 2


RATES = Rates(
    forward_flops_per_second=4e10,
    product_flops_per_second=1e11,
    between_seconds=5e-6,
    kinds={kind: KindRate(flop_seconds=1e-9, call_seconds=2e-6) for kind in KINDS},
)
TABLE = SimpleNamespace(brute_flops=10**13, question=SimpleNamespace(index=3, task="family/set", hash="a" * 64))
"""100 seconds of products: a quarter of them, two seconds and what nothing takes may be unexplained."""
NOTHING, ALLOWED = 0.5, 27.5


def kept(python=0.0, kinds=None, *, brute_flops=TABLE.brute_flops, threads=1, beside=0.0):
    """Return a recording whose method computed for some seconds in Python, and others inside operations.

    Args:
        python: seconds of processor time between operations.
        kinds: the use of each kind, (FLOPs, calls, seconds of processor time inside them).
        brute_flops: of the question.
        threads: that torch may use.
        beside: seconds of other threads.
    """
    uses = {kind: KindUse(flops, calls, round(1e9 * took)) for kind, (flops, calls, took) in (kinds or {}).items()}
    main = NOTHING + python + sum(took for _, _, took in (kinds or {}).values())
    witness = judged(
        Clocked(uses, main),
        RATES,
        cpu_seconds=main + beside,
        empty_seconds=NOTHING,
        brute_flops=brute_flops,
        threads=threads,
    )
    flops = sum(use.flops for use in uses.values())
    recording = SimpleNamespace(
        prepare_flops=0,
        total_flops=flops,
        matmul_flops=0,
        batches=(),
        by_op={},
        by_region={},
        seconds=1.0,
        complete=True,
    )
    return SimpleNamespace(recording=recording, witness=witness)


class Session(SandboxSession):
    """A session whose method leaves recordings that are given, the last one each time it is asked again."""

    def __init__(self, *found):
        self.found = found
        self.asked = 0
        self._tried_again, self._remarked, self.name = set(), set(), "mine"

    def record(self, table, *, again=False):
        self.asked += again
        return self.found[min(self.asked, len(self.found) - 1)]


def refused(found, match):
    with pytest.raises(MethodError, match=match):
        Session(found)._explained(TABLE)


@pytest.mark.parametrize("paid", [0, 10**9, 10**12], ids=["nothing", "a row", "a tenth"])
def test_hiding_a_quarter_of_a_brute_force_and_the_floor_is_void_however_much_is_asked(paid):
    products = {"product": (paid, 1, paid / 1e11)}
    sound = kept(ALLOWED - 0.1, products)
    assert Session(sound)._explained(TABLE) is sound
    refused(kept(ALLOWED + 0.1, products), r"question 3 of family/set are not explained .*27\.6 between operations")


def test_seconds_of_plain_python_on_a_table_of_one_second_are_void():
    found = kept(22.0, brute_flops=10**11)
    assert found.witness.allowed == pytest.approx(0.25 + 2.0 + NOTHING)
    refused(found, "22.0 between operations.*do the arithmetic in torch, not in Python")


def test_thousands_of_fine_tuned_rows_are_sound():
    """As 1,242 rows and 237 fine-tunes of SmolLM2 were measured: 43 seconds inside operations, 10.3 between them."""
    uses = {"product": (11 * 10**11, 300_000, 40.0), "elementwise": (10**9, 300_000, 1.3), "free": (0, 620_000, 1.3)}
    found = kept(10.3, uses, brute_flops=188 * 10**10)
    assert found.witness.unexplained == {}
    assert Session(found)._explained(TABLE) is found


def test_what_is_slow_inside_torch_is_not_said_to_be_python():
    found = kept(0.0, {"factorisation": (10**7, 10, 40.0)})
    refused(found, r"40\.0 inside factorisation operations; its 10 factorisation operations were billed 10000000 FLOPs")
    assert "Python" not in found.witness.words


def test_small_operations_do_not_explain_more_than_eight_times_the_time_of_their_flops():
    """A million operations that compute nothing pay for none of the 15 seconds that honest ones take between them."""
    computing, idle = {"product": (10**11, 10**6, 4.0)}, {"free": (0, 10**6, 2.0)}
    assert kept(15.0, computing).witness.unexplained == {}
    assert kept(30.0, computing).witness.unexplained[BETWEEN] == pytest.approx(15.0)
    for few in (
        {"product": (5 * 10**10, 10**6, 4.0)},
        {"product": (10**10, 10**6, 4.0)},
    ):
        paid = 8 * few["product"][0] / 4e10
        assert kept(15.0, few).witness.unexplained[BETWEEN] == pytest.approx(15.0 - paid)
    assert kept(15.0, idle).witness.unexplained[BETWEEN] == pytest.approx(15.0)
    assert kept(15.0, idle, brute_flops=None).witness.unexplained[BETWEEN] == pytest.approx(15.0)


def test_time_inside_operations_that_the_bill_explains_is_no_fuel_for_python():
    """Whatever was billed, Python is not explained by operations that were faster than their bill allows."""
    fast = {"elementwise": (10**11, 100, 10.0)}
    assert kept(30.0, fast).witness.unexplained[BETWEEN] == pytest.approx(30.0 - 3.0 * 100 * 5e-6)


def test_on_a_question_that_is_not_policed_all_calls_explain_the_time_between_them():
    uses = {"elementwise": (10**6, 10**6, 1.0)}
    assert kept(15.0, uses, brute_flops=10**9).witness.unexplained == {}
    assert kept(15.0, uses).witness.unexplained[BETWEEN] == pytest.approx(15.0, abs=0.1)


def test_other_threads_may_work_while_operations_run_and_no_longer():
    uses = {"product": (10**12, 1000, 20.0)}
    assert kept(0.0, uses, threads=2, beside=20.0).witness.unexplained == {}
    assert kept(0.0, uses, threads=2, beside=60.0).witness.unexplained[THREADS] == pytest.approx(40.0, abs=0.1)
    refused(kept(0.0, {}, beside=60.0), "60.0 in other threads; let torch alone start threads")


def test_a_recording_is_suspected_where_most_of_what_may_be_is_unexplained():
    found = kept(ALLOWED - 1.0)
    assert not found.witness.void
    assert found.witness.suspected == (BETWEEN,)
    assert kept(1.0).witness.suspected == ()


def test_what_is_suspected_or_cut_is_said_once_with_its_kind(caplog):
    session = Session(kept(0.0, {"sorting": (10**6, 10, 15.0)}))
    for _ in range(2):
        session._explained(TABLE)
    (said,) = caplog.messages
    assert said.startswith("mine on question 3 of family/set is suspected: 15.0 of the 27.5 seconds")
    assert "15.0 inside sorting operations" in said
    caplog.clear()
    cut = kept(0.0, {"product": (9 * 10**9, 10, 0.1), "random": (10**9, 10, 0.1)})
    cut.recording.complete = False
    Session(cut)._explained(TABLE)
    assert caplog.messages == [
        "mine on question 3 of family/set was cut off at 10000000000 FLOPs before it said anything; 90% of what it "
        "computed were product operations"
    ]


def test_what_was_slow_once_and_not_again_is_sound():
    slow, usual = kept(51.0), kept(11.0)
    assert Session(slow, usual)._explained(TABLE) is usual


def test_a_recording_is_made_again_once():
    session = Session(kept(51.0))
    for _ in range(3):
        with pytest.raises(MethodError, match="not explained"):
            session._explained(TABLE)
    assert session.asked == 1


def test_a_recording_is_made_again_only_where_its_time_is_not_explained():
    session = Session(kept(11.0))
    session._explained(TABLE)
    assert session.asked == 0


def test_parts_side_by_side_are_judged_each_and_shown_together():
    one, other = kept(1.0, {"product": (10**9, 1, 0.1)}), kept(2.0, {"product": (10**9, 2, 0.1), "free": (0, 5, 0.0)})
    both = together([one.witness, other.witness])
    assert both.kinds == {"product": KindUse(2 * 10**9, 3, 2 * 10**8), "free": KindUse(0, 5, 0)}
    assert both.unexplained_seconds == pytest.approx(3.0, abs=0.01)
    assert both.allowed == pytest.approx(2 * ALLOWED)
