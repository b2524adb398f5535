"""Alignments reproduce every row, find the parts that were put in, and are refused where nothing is shared."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istar.methods import align
from istar.methods.tools.parts import find_parts
from istar.questions import Column, Intervention, QuestionView, Run, SpanLogprob, SpanMargin, Structure


def view(sequences, columns, readout=None):
    runs = tuple(Run(tuple(tokens), readout or SpanLogprob(len(tokens) - 1)) for tokens in sequences)
    return QuestionView(runs, Structure(tuple(Column(*column) for column in columns)))


def rebuilt(alignment, placement):
    context = alignment.contexts[placement.context]
    return tuple(context[position] for position in placement.kept) + placement.query


def assert_reproduces(alignment, question):
    for run in question.runs:
        for path, placement in zip(run.paths, alignment.of(run), strict=True):
            assert rebuilt(alignment, placement) == path.tokens
            before = len(path.tokens) - len(placement.query)
            assert tuple(read + before for read in placement.reads) == path.reads
            assert list(placement.kept) == sorted(set(placement.kept))
            assert placement.kept[0] == 0


def switched(parts, subsets, queries, head=(0,)):
    sequences, present, replicate = [], [], []
    for subset in subsets:
        body = tuple(token for part, on in zip(parts, subset, strict=True) if on for token in part)
        for number, query in enumerate(queries):
            sequences.append(head + body + query)
            present.append(subset)
            replicate.append(float(number))
    columns = [
        (f"part {at}", "switch", tuple(map(float, column))) for at, column in enumerate(zip(*present, strict=True))
    ]
    return view(sequences, [*columns, ("query", "nuisance", tuple(replicate))])


distinct_parts = st.integers(2, 5).flatmap(
    lambda count: st.lists(st.lists(st.integers(10, 40), min_size=3, max_size=7), min_size=count, max_size=count)
)


@settings(max_examples=60, deadline=None)
@given(parts=distinct_parts, ending=st.sampled_from([(), (1,), (1, 2)]))
def test_parts_of_all_subsets_are_found_or_refused_but_never_wrong(parts, ending):
    parts = [(*part, *ending) for part in parts]
    question = switched(parts, list(product((0, 1), repeat=len(parts))), [(3, 4, 5), (6, 4, 7)])
    alignment = align(question)
    # tokens that parts share by chance may make them unrecognisable; parts of tokens of their own may not
    if len({token for part in parts for token in part}) == sum(len(set(part) - {1, 2}) for part in parts) + len(ending):
        assert len(alignment.contexts) == 1
    if alignment is not None:
        assert_reproduces(alignment, question)


def test_the_whole_context_need_not_be_a_row():
    generator = np.random.default_rng(0)
    parts = [(*range(100 * at, 100 * at + 6), 1) for at in range(1, 9)]
    subsets = {tuple(int(x) for x in generator.permutation([1, 1, 1, 1, 0, 0, 0, 0])) for _ in range(60)}
    question = switched(parts, sorted(subsets), [(2, 3, 4), (5, 3, 4)])
    alignment = align(question)
    assert alignment.contexts == ((0, *(token for part in parts for token in part)),)
    assert_reproduces(alignment, question)


def test_each_switch_owns_its_part():
    parts = [(11, 12, 13, 1), (21, 12, 22, 1), (31, 32, 33, 1)]
    question = switched(parts, list(product((0, 1), repeat=3)), [(3, 4, 5)])
    found = find_parts(question, [run.paths[0].tokens for run in question.runs])
    assert found.head == (0,)
    assert found.tokens == tuple(parts)
    assert found.order == (0, 1, 2)
    context, spans = found.context()
    assert [context[start:stop] for start, stop in spans] == parts


def test_switches_may_be_in_another_order_than_their_parts():
    parts = [(11, 12, 13), (21, 22, 23), (31, 32, 33)]
    question = switched(parts, list(product((0, 1), repeat=3)), [(3, 4, 5)])
    columns = question.structure.columns
    reordered = QuestionView(question.runs, Structure((columns[2], columns[0], columns[1], columns[3])))
    found = find_parts(reordered, [run.paths[0].tokens for run in reordered.runs])
    assert found.tokens == ((31, 32, 33), (11, 12, 13), (21, 22, 23))
    assert found.order == (1, 2, 0)
    assert_reproduces(align(reordered), reordered)


def test_one_part_removed_at_a_time_with_two_paths_a_row():
    contexts = [[(11, 12, 1), (13, 14, 15, 1), (16, 1)], [(21, 22, 1), (23, 24, 1), (25, 26, 27, 1)]]
    sequences, rows = [], []
    for unit, parts in enumerate(contexts):
        for removed in range(len(parts) + 1):
            body = tuple(token for at, part in enumerate(parts) if at != removed - 1 for token in part)
            for query in ((5, 6, 7), (8, 6, 7)):
                sequences.append((0, *body, *query, 9))
                rows.append((unit, removed))
    columns = [("unit", "arm", tuple(float(u) for u, _ in rows)), ("removed", "arm", tuple(float(r) for _, r in rows))]
    runs = tuple(Run(tokens, SpanMargin(len(tokens) - 1, (3, 4))) for tokens in sequences)
    question = QuestionView(runs, Structure(tuple(Column(*column) for column in columns)))
    alignment = align(question)
    assert_reproduces(alignment, question)
    # the last part's full stop may count as query, for it is where every row's common ending begins
    assert {context[:3] for context in alignment.contexts} == {(0, 11, 12), (0, 21, 22)}


def test_rows_that_share_nothing_have_no_alignment():
    generator = np.random.default_rng(1)
    sequences = [(0, *generator.integers(10, 1000, 12).tolist()) for _ in range(40)]
    assert align(view(sequences, [("sequence", "nuisance", tuple(map(float, range(40))))])) is None


def test_prompts_times_examples_have_no_alignment(questions):
    for kind in ("prompts times examples", "plain sequences", "entropy and divergence"):
        assert align(questions[kind]) is None
    for kind in ("parts switched on and off", "one part removed at a time"):
        assert_reproduces(align(questions[kind]), questions[kind])


def test_switches_that_change_tokens_instead_of_adding_them_have_no_alignment():
    sequences = [
        (0, *(10 + at if on else 20 + at for at, on in enumerate(bits)), 3, 4) for bits in product((0, 1), repeat=4)
    ]
    columns = [(f"s{at}", "switch", tuple(float(b[at]) for b in product((0, 1), repeat=4))) for at in range(4)]
    assert align(view(sequences, columns)) is None


def test_a_row_that_is_read_inside_its_context_has_no_alignment():
    parts = [(11, 12, 13), (21, 22, 23)]
    question = switched(parts, list(product((0, 1), repeat=2)), [(3, 4, 5)])
    runs = tuple(Run(run.tokens, SpanLogprob(1)) for run in question.runs)
    assert align(QuestionView(runs, question.structure)) is None


def test_runs_with_interventions_have_no_alignment(questions):
    class Anything(Intervention):
        kind = "anything"

    question = questions["parts switched on and off"]
    runs = tuple(Run(run.tokens, run.readout, Anything()) for run in question.runs)
    assert align(QuestionView(runs, question.structure)) is None


@pytest.mark.parametrize("suffix", [0, 1])
def test_removals_need_one_gap_exactly(suffix):
    whole = (0, 11, 12, 13, 14, 15, 16, 5, 6, 9)
    one_gap = (0, 11, 14, 15, 16, 5, 6, 9)
    two_gaps = (0, 11, 13, 15, 16, 5, 6, 9)
    rows = [whole, one_gap, (0, 11, 12, 16, 5, 6, 9), (0, 15, 16, 5, 6, 9), (0, 5, 6, 9)]
    columns = [("removed", "arm", (0.0, 1.0, 2.0, 3.0, 4.0))]
    assert_reproduces(align(view(rows, columns)), view(rows, columns))
    alignment = align(view([*rows[:4], two_gaps], columns))
    assert alignment is None or len(alignment.contexts) == 2
