"""Recordings, tables, histories and options that nobody would wish for: an answer, or an error that says what to do.

Asked by the public door alone (`learn`, `appraise` and `answer`, on markets and histories), of an answer that is linear
in the values and of one that is not.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from synthetic_tables import _table, recording, shapley_table, stream_table

from istar.executors import ExecutorError, Heard, History, Market, Trace, make_executor
from istar.executors.statistician.table_model.priors import PriorError
from istar.methods.recording import ChannelBatch
from istar.questions import ShapleyValues, UpperTail
from istar.registry import UnknownNameError
from istar.rewards import SkillError
from istar.rewards.blind import blind_answer
from istar.seeds import Seed
from istar.truth.effects.records import effects_of
from istar.truth.table import Provenance, Table

QUESTIONS = 4
PRICE = 0.01
MAKERS = {
    "linear": lambda index: shapley_table(index, players=5, queries=8, noise=1.5),
    "not linear": lambda index: stream_table(index, rows=200),
}
KINDS = pytest.mark.parametrize("kind", MAKERS)
HEARD = pytest.mark.parametrize("known", [True, False], ids=["known", "stranger"])

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def real(table):
    """A table as it is stored, of a synthetic one."""
    return Table(table.question, table.values, table.prices, Provenance("synthetic", "made up", "float32", "v1", 0, ()))


@cache
def tables_of(kind):
    return tuple(real(MAKERS[kind](index)) for index in range(QUESTIONS))


def history(tables, asked=0, **changes):
    """What is known of a task when one of its questions is asked."""
    table, others = tables[asked], [each for place, each in enumerate(tables) if place != asked]
    effects = [effects_of(each.question, each.values) for each in others]
    blind = blind_answer(table.question.structure, table.question.functional, effects)
    given = {
        "task": table.question.task,
        "target": table.target,
        "asked": table.question.hash,
        "questions": tuple(each.question.hash for each in others),
        "blind": blind,
        "load": lambda: others,
    }
    return History(**given | changes)


@cache
def learned(kind):
    """What is known of each question of a task, by its hash."""
    tables = tables_of(kind)
    return {
        table.question.hash: make_executor("statistician").learn(history(tables, place))
        for place, table in enumerate(tables)
    }


@cache
def alone(kind):
    """The black-box arm's answer to the first question."""
    tables = tables_of(kind)
    market = Market(tables[0])
    return make_executor("statistician").answer(market, learned(kind)[tables[0].question.hash], Seed.root(0))


def answered(kind, channels, *, known, price=PRICE):
    """The answer to the first question with channels, and its market.

    Args:
        kind: of functional.
        channels: returns the channels of a table.
        known: whether the method was heard on the other questions.
        price: of all channels, as a share of brute force.
    """
    tables, executor = tables_of(kind), make_executor("statistician")
    said = {table.question.hash: recording(table, channels(table), price) for table in tables}
    heard, shares = {}, 2.0 ** np.linspace(-8, 0, 17)
    for table in tables[1:] if known else ():
        own = Heard(table, said[table.question.hash], np.stack([shares, 1 - np.sqrt(shares)], axis=1))
        heard[table.question.hash] = executor.appraise(own, learned(kind)[table.question.hash])
    state = executor.learn(
        history(tables, recordings={question: said[question] for question in heard}, appraisals=heard)
    )
    market = Market(tables[0], said[tables[0].question.hash])
    executor.ignores_channels(market, state)
    return executor.answer(market, state, Seed.root(0)), market


def check(trace, market):
    """A trace checks itself; what it cannot know is that its answers have the right length, and whom it paid."""
    assert trace.answers.shape[1] == len(market.functional.answer(np.zeros(market.structure.rows), market.structure))
    np.testing.assert_array_equal(trace.checkpoints, market.checkpoints)
    assert market.channel_flops <= PRICE * market.brute_flops + 1


def left(kind, trace):
    """The share of the blind loss that is left, mean over the budgets that pay for all channels, up to half of all."""
    table = tables_of(kind)[0]
    functional, structure = table.question.functional, table.question.structure
    losses = [functional.loss(answer, table.values, structure) for answer in trace.answers]
    shares = trace.checkpoints / table.brute_flops
    return np.mean(np.array(losses)[(shares >= 2 * PRICE) & (shares <= 0.51)]) / losses[0]


def noise(table, columns=1):
    return np.random.default_rng(table.question.index).standard_normal((len(table.values), columns))


def truth(table):
    return table.values[:, None]


SAYING_NOTHING = {
    "constant": lambda table: np.full((len(table.values), 1), 3.0),
    "all zero": lambda table: np.zeros((len(table.values), 2)),
    "constant and huge": lambda table: np.full((len(table.values), 2), 1e38),
    "constant but for one row": lambda table: np.eye(len(table.values))[:, :1],
    "tiny beyond single precision": lambda table: 1e-300 * noise(table),
    "equal noise": lambda table: np.repeat(noise(table), 3, axis=1),
    "huge noise": lambda table: 1e37 * noise(table),
    "one huge outlier in noise": lambda table: noise(table) + 1e30 * np.eye(len(table.values))[:, :1],
}
SAYING_THE_TRUTH = {
    "equal": lambda table: np.repeat(truth(table), 4, axis=1),
    "collinear": lambda table: truth(table) @ np.array([[1.0, -2.0, 0.5]]) + np.array([[0.0, 1.0, 2.0]]),
    "huge": lambda table: 1e30 * truth(table),
    "tiny": lambda table: 1e-30 * truth(table),
    "far from zero": lambda table: 1e5 + truth(table),
    "beside constants": lambda table: np.column_stack([np.ones(len(table.values)), truth(table)[:, 0]]),
    "huge beside tiny": lambda table: np.column_stack([1e30 * truth(table)[:, 0], 1e-30 * truth(table)[:, 0]]),
}


@KINDS
@HEARD
@pytest.mark.parametrize("said", SAYING_NOTHING)
def test_channels_that_say_nothing_do_little_harm(kind, known, said):
    trace, market = answered(kind, SAYING_NOTHING[said], known=known)
    check(trace, market)
    assert left(kind, trace) <= left(kind, alone(kind)) + 0.1


@KINDS
@HEARD
@pytest.mark.parametrize("said", SAYING_NOTHING)
def test_channels_that_say_nothing_cost_little_where_they_are_dear(kind, known, said):
    """A tenth of brute force for all batches: the first ones show that the others are not worth it."""
    _, market = answered(kind, SAYING_NOTHING[said], known=known, price=0.1)
    assert market.channel_flops <= 0.02 * market.brute_flops


@KINDS
@HEARD
@pytest.mark.parametrize("said", SAYING_THE_TRUTH)
def test_the_truth_in_odd_channels_is_worth_what_it_is_in_one(kind, known, said):
    """No unit, no repetition and no constant beside it decides what channels are worth."""
    trace, market = answered(kind, SAYING_THE_TRUTH[said], known=known)
    check(trace, market)
    plainly, rows = left(kind, answered(kind, truth, known=known)[0]), left(kind, alone(kind))
    assert left(kind, trace) <= plainly + 0.05 + 0.2 * max(0.0, rows - plainly)


@KINDS
def test_the_truth_is_worth_something(kind):
    """Otherwise the tests above would hold little."""
    assert left(kind, answered(kind, truth, known=True)[0]) <= left(kind, alone(kind)) - 0.1


@KINDS
@HEARD
def test_a_method_that_describes_few_rows_is_answered(kind, known):
    """One batch of the nine is all there is of it."""
    tables, executor = tables_of(kind), make_executor("statistician")
    said = recording(tables[0], truth(tables[0]), PRICE)
    state = learned(kind)[tables[0].question.hash]
    if known:
        shares = 2.0 ** np.linspace(-8, 0, 17)
        others = {table.question.hash: recording(table, truth(table), PRICE) for table in tables[1:]}
        others = {question: replace(each, batches=each.batches[:1]) for question, each in others.items()}
        appraisals = {
            table.question.hash: executor.appraise(
                Heard(table, others[table.question.hash], np.stack([shares, 1 - shares], axis=1)),
                learned(kind)[table.question.hash],
            )
            for table in tables[1:]
        }
        state = executor.learn(history(tables, recordings=others, appraisals=appraisals))
    market = Market(tables[0], replace(said, batches=said.batches[:1]))
    check(executor.answer(market, state, Seed.root(0)), market)


NO_NUMBERS = {"NaN": np.nan, "infinite": np.inf, "beyond single precision": 1e300}


@KINDS
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_channels_that_are_no_numbers_are_refused_where_they_come_in(kind, value):
    """In the market and where a method is appraised, for some rows as for all, before anything is computed."""
    table = tables_of(kind)[0]
    channels = np.column_stack([truth(table)[:, 0], truth(table)[:, 0]])
    sound = recording(table, channels, PRICE)
    for rows in (slice(2, 3), slice(None)):
        batch = sound.batches[-1]
        broken = batch.channels.astype(np.float64)
        broken[rows, 1] = NO_NUMBERS[value]
        spoilt = ChannelBatch(batch.rows, broken, batch.flops)
        said = replace(sound, batches=(*sound.batches[:-1], spoilt))
        row = batch.rows[2] if rows == slice(2, 3) else batch.rows[0]
        fault = (
            rf"holds \S+ for row {row}, channel 1; channels must be finite in single precision: clamp them, or give 0"
        )
        with pytest.raises(ExecutorError, match=fault):
            Market(table, said)
        with pytest.raises(ExecutorError, match=fault):
            Heard(table, said, np.ones((1, 2)))


def _without(batch, **changes):
    return ChannelBatch(**{"rows": batch.rows, "channels": batch.channels, "flops": batch.flops} | changes)


ODD_BATCHES = {
    "more than once": (
        lambda first, second: (first, _without(second, rows=np.resize(first.rows, len(second.rows)))),
        r"describes row \d+ more than once",
    ),
    "rows that are not there": (
        lambda first, second: (first, _without(second, rows=second.rows + 10**6)),
        r"describes rows in batch 1 that the question of \d+ rows has not",
    ),
    "other channels": (
        lambda first, second: (first, _without(second, channels=np.repeat(second.channels, 2, axis=1))),
        r"channels of shape .* in batch 1, but \d+ rows and 1 channels in the first",
    ),
    "cheaper": (
        lambda first, second: (first, _without(second, flops=first.flops - 1)),
        "costs less up to batch 1 than up to the one before",
    ),
}


@pytest.mark.parametrize("odd", ODD_BATCHES)
def test_batches_that_contradict_one_another_are_refused(odd):
    table = tables_of("linear")[0]
    sound = recording(table, truth(table), PRICE)
    change, fault = ODD_BATCHES[odd]
    said = replace(sound, batches=change(*sound.batches[:2]))
    with pytest.raises(ExecutorError, match=fault):
        Market(table, said)


def test_what_was_said_of_another_target_is_refused():
    tables = tables_of("linear")
    said = {each.question.hash: recording(each, truth(each), PRICE) for each in tables}
    other = {question: replace(each, target="elsewhere") for question, each in said.items()}
    asked = tables[0].question.hash
    with pytest.raises(ExecutorError, match=r"is of target elsewhere, the table of synthetic; record the method on"):
        Market(tables[0], other[asked])
    with pytest.raises(ExecutorError, match=r"is of target elsewhere, the table of synthetic"):
        Heard(tables[0], other[asked], np.ones((1, 2)))
    del other[asked]
    with pytest.raises(ExecutorError, match=r"was said of target elsewhere, and synthetic is asked; record it there"):
        history(tables, recordings=other)


@KINDS
def test_a_history_of_another_target_is_refused_before_anything_is_learned(kind):
    tables = tables_of(kind)
    with pytest.raises(ExecutorError, match=r"is of target synthetic, and elsewhere is asked; .*`istar truth build`"):
        make_executor("statistician").learn(history(tables, target="elsewhere"))


def test_a_history_of_other_questions_is_refused():
    tables = tables_of("linear")
    with pytest.raises(ExecutorError, match=r"the tables that were read of .* are not those of its other questions"):
        make_executor("statistician").learn(history(tables, load=lambda: tables[2:]))


@KINDS
@pytest.mark.parametrize("others", [0, 1])
def test_a_task_with_one_or_two_questions_is_too_few(kind, others):
    """Without other questions there is neither a blind answer nor a prior; both say how to get more of them."""
    tables = tables_of(kind)[: 1 + others]
    question = tables[0].question
    with pytest.raises(SkillError, match=rf"at least 2 other .*there are {others}; build more with `istar truth"):
        history(tables)
    given = History(
        task=question.task,
        target="synthetic",
        asked=question.hash,
        questions=tuple(each.question.hash for each in tables[1:]),
        blind=np.zeros(1),
        load=lambda: tables[1:],
    )
    with pytest.raises(PriorError, match=r"at least 2 other questions.*istar truth build"):
        make_executor("statistician").learn(given)


def two_rows(kind, index):
    """A table of two rows."""
    values = np.random.default_rng([index, 2]).standard_normal(2)
    tokens = [(5 + index, 6), (7, 8, 9 + index)]
    member = ("switch", np.array([0, 1])) if kind == "linear" else ("arm", np.array([0, 1]))
    functional = ShapleyValues() if kind == "linear" else UpperTail(0.5)
    columns = {"member": member, "query": ("nuisance", np.zeros(2))}
    return real(_table("two/rows", index, tokens, columns, functional, values))


@KINDS
@HEARD
def test_a_table_of_two_rows_is_answered(kind, known):
    tables, executor = [two_rows(kind, index) for index in range(QUESTIONS)], make_executor("statistician")
    said = [recording(table, truth(table), 0.3) for table in tables]
    states = [executor.learn(history(tables, place)) for place in range(QUESTIONS)]
    recordings, appraisals = {}, {}
    if known:
        for table, own, state in list(zip(tables, said, states, strict=True))[1:]:
            recordings[table.question.hash] = own
            heard = Heard(table, own, np.array([[0.5, 0.5], [1.0, 0.0]]))
            appraisals[table.question.hash] = executor.appraise(heard, state)
    state = executor.learn(history(tables, recordings=recordings, appraisals=appraisals))
    for own in (None, said[0]):
        market = Market(tables[0], own)
        trace = executor.answer(market, state, Seed.root(0))
        assert isinstance(trace, Trace)
        if own is None:
            right = market.functional.answer(tables[0].values, market.structure)
            np.testing.assert_allclose(trace.answers[-1], right)


@KINDS
def test_a_table_whose_rows_are_all_alike_is_answered(kind):
    """Of the question itself; the others differ, or there would be nothing to ask."""
    tables, executor = list(tables_of(kind)), make_executor("statistician")
    tables[0] = replace(tables[0], values=np.full(len(tables[0].values), 1.5))
    state = executor.learn(history(tables))
    for own in (None, recording(tables[0], noise(tables[0]), PRICE), recording(tables[0], truth(tables[0]), PRICE)):
        market = Market(tables[0], own)
        trace = executor.answer(market, state, Seed.root(0))
        if own is None:
            right = market.functional.answer(tables[0].values, market.structure)
            np.testing.assert_allclose(trace.answers[-1], right, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"colour": "blue"}, r"'statistician' does not take these options: .*'colour'; its options are "),
        ({"variant": {"colour": "blue"}}, "a variant has no colour; it has model, design"),
        ({"variant": {"temper": "hot"}}, r"variant: temper: "),
        ({"variant": 3}, r"does not take these options: .*; its options are variant"),
        ({"": 1}, "does not take these options: .*; its options are "),
    ],
)
def test_an_option_that_is_not_there_is_refused_when_the_executor_is_made(options, fault):
    with pytest.raises(ExecutorError, match=fault):
        make_executor("statistician", options)


def test_an_executor_that_is_not_there_is_refused_with_the_names_there_are():
    with pytest.raises(UnknownNameError, match="statistician"):
        make_executor("statistican")
