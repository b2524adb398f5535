"""Integers and texts that a method's code makes end at the bounds, whatever makes them; all else is as in Python."""

import collections
import itertools
import math

import pytest
import torch

from istar.methods import MethodError, check_source, load_method
from istar.methods.bounds import INTEGER_BITS, TEXT_LENGTH, WORD_BITS

FRAME = """import functools
import itertools
import math
import statistics
from collections import Counter, defaultdict
from math import comb, prod

import torch

from istar.methods import Interpretation
{top}

def interpret(target, corpus):
    return Interpretation()

def predict(question, runs, target, interpretation, prepared):
    {body}
"""


def method(body, top=""):
    return FRAME.format(body=body, top=top)


def run(body, top="", target=None):
    return load_method(method(body, top)).predict(None, [], target, None, None)


class Decoder:
    def decode(self, tokens):
        return "a" * len(tokens)


LONG_INTEGERS = {
    "product": "x = 2**127; return x * x",
    "sum": "x = 2**128 - 1; return x + x",
    "sum of many": "return sum([2**127] * 9)",
    "difference": "x = 1 - 2**128; return x - 2**128",
    "power": "return 3**1000",
    "pow": "return pow(3, 1000)",
    "pow as a value": "return functools.reduce(pow, [3, 5, 200])",
    "in place": "x = 3\n    for _ in range(9): x *= x\n    return x",
    "in place in a list": "x = [3]\n    for _ in range(9): x[0] *= x[0]\n    return x",
    "in place in an object": "return Held().grow()",
    "in a comprehension": "x = 2**127; return [x * each for each in (1, 3, 5)]",
    "in a lambda": "return (lambda x: x * x)(2**127)",
    "in a default": "def f(x=2**127 * 2**127): return x\n    return f()",
    "from text": "return int('9' * 99)",
    "from text by map": "return list(map(int, ['9' * 99]))",
    "from a float": "return int(1e300)",
    "rounded": "return round(1e300)",
    "floor": "return math.floor(1e300)",
    "ceil": "return math.ceil(1e300)",
    "trunc": "return math.trunc(1e300)",
    "factorial": "return math.factorial(99)",
    "comb": "return comb(400, 200)",
    "perm": "return math.perm(99, 50)",
    "prod": "return prod([2**64] * 9)",
    "prod by map": "return list(map(math.prod, [[2**64] * 9]))",
    "lcm": "return math.lcm(2**127 - 1, 3**80)",
    "counted": "return list(itertools.islice(itertools.count(2**127, 2**127), 2))",
    "accumulated": "return list(itertools.accumulate([2**127] * 9))",
    "total of a counter": "return Counter({0: 2**127, 1: 2**127, 2: 1}).total()",
    "variance": "return statistics.pvariance([2**127, 0])",
    "squares": "return statistics.variance([2**127, 0])",
    "counter added": "x = Counter({0: 2**127}); return x + x + x",
    "counter added in place": "x = Counter({0: 2**127})\n    for _ in range(3): x += x\n    return x",
}
LONG_WORDS = {
    "shift": "return 1 << 64",
    "shift in place": "x = 1; x <<= 64; return x",
    "and": "x = 2**127; return x & x",
    "or": "x = [2**127]; x[0] |= 1; return x",
    "exclusive or": "return 2**127 ^ 1",
    "shift back": "return 2**127 >> 1",
}
LONG_TEXTS = {
    "repeated": "return 'a' * 20000",
    "added": "x = 'a' * 9999; return x + x",
    "added in place": "x = 'a'\n    for _ in range(20): x += x\n    return x",
    "f-string": "x = 'a' * 9999; return f'{x}{x}'",
    "width of an f-string": "return f'{0:20000}'",
    "formatted": "return '%20000d' % 3",
    "joined": "return ''.join(['ab'] * 9999)",
    "joined by the class": "return str.join('', ['ab'] * 9999)",
    "joined by map": "return list(map(''.join, [['ab'] * 9999]))",
    "replaced": "return ('a' * 9999).replace('a', 'bb')",
    "made a text": "return str([1] * 9999)",
    "made a text by map": "return list(map(str, [[1] * 9999]))",
    "repr": "return repr([1] * 9999)",
    "repr in an f-string": "x = [1] * 9999; return f'{x!r}'",
    "upper case": "return ('\u0390' * 9999).upper()",
    "upper case by the class": "return list(map(str.upper, ['\u0390' * 9999]))",
    "joined by getattr": "return getattr('', 'join')(['ab'] * 9999)",
    "accumulated": "return list(itertools.accumulate(['a' * 9999] * 2))",
    "decoded": "return target.decode(range(20000))",
}
HELD = """
class Held:
    def __init__(self):
        self.x = 2**127

    def grow(self):
        self.x *= self.x
        return self.x
"""


@pytest.mark.parametrize("body", LONG_INTEGERS.values(), ids=LONG_INTEGERS)
def test_no_integer_grows_beyond_the_bound(body):
    assert check_source(method(body, HELD)) == ()
    with pytest.raises(MethodError, match=rf"an integer of \d+ bits; the limit is {INTEGER_BITS}: do the arithmetic"):
        run(body, HELD)


@pytest.mark.parametrize("body", LONG_WORDS.values(), ids=LONG_WORDS)
def test_no_bits_are_combined_beyond_a_word(body):
    with pytest.raises(MethodError, match=rf"an integer of \d+ bits; the limit is {WORD_BITS} where bits are combined"):
        run(body)


@pytest.mark.parametrize("body", LONG_TEXTS.values(), ids=LONG_TEXTS)
def test_no_text_grows_beyond_the_bound(body):
    assert check_source(method(body)) == ()
    with pytest.raises(MethodError, match=rf"a text of \d+ characters; the limit is {TEXT_LENGTH}: keep its parts"):
        run(body, target=Decoder())


def test_counts_are_not_added_unseen():
    own = "class Mine(Counter):\n    def grow(self): super().update(self)\n"
    for call in (
        "x.update(x)",
        "x.subtract({0: 1})",
        "x.update(a=1)",
        "getattr(x, 'update')(x)",
        "Counter.update(x, x)",
        "Mine([1]).grow()",
    ):
        with pytest.raises(MethodError, match="a Counter is updated with counts; use `counter \\+= other`"):
            run(f"x = Counter([0]); {call}; return x", own)
    assert run("x = Counter([0]); x.update([0, 1]); x.subtract([1, 1]); return x") == {0: 2, 1: -1}


def test_what_stands_in_for_a_type_does_not_give_it_away():
    for way in ("int.plain", "getattr(int, 'plain')"):
        with pytest.raises(AttributeError, match="plain"):
            run(f"return {way}")


GUARDED = "__bounded__"
BINDINGS = [
    f"def f({GUARDED}): return 1",
    f"def f(*{GUARDED}): return 1",
    f"def f(*, {GUARDED}=1): return 1",
    f"f = lambda {GUARDED}: 1",
    f"class {GUARDED}: pass",
    f"def {GUARDED}(x): return x",
    f"from math import sqrt as {GUARDED}",
    f"import math as {GUARDED}",
    f"{GUARDED} = 1",
    f"x = ({GUARDED} := 1)",
    f"for {GUARDED} in runs: pass",
    f"x = [1 for {GUARDED} in runs]",
    f"\n    with nn.Linear(1, 1) as {GUARDED}: pass",
]


@pytest.mark.parametrize("binding", BINDINGS)
def test_no_name_takes_the_place_of_a_guard(binding):
    assert any(
        f"the name `{GUARDED}`" in str(fault) or f"`{GUARDED}`" in str(fault) for fault in check_source(method(binding))
    )


@pytest.mark.parametrize(
    ("constant", "said"),
    [
        (f"{2**INTEGER_BITS}", f"the limit is {INTEGER_BITS}"),
        (f"'{'a' * (TEXT_LENGTH + 1)}'", f"the limit is {TEXT_LENGTH}"),
        ("b'ab'", "use text, or a tensor of torch.uint8"),
    ],
)
def test_constants_are_bounded_in_the_source(constant, said):
    assert any(said in str(fault) for fault in check_source(method(f"x = {constant}")))


def test_no_class_derives_from_integers_or_texts():
    for base in ("int", "str"):
        with pytest.raises(MethodError, match=f"class Mine derives from {base}, which is closed"):
            run(f"class Mine({base}): pass")


SAME = {
    # what Python gives for each, with the names of the frame
    "isinstance": "isinstance(3, int), isinstance('a', (float, str)), isinstance(3.0, int), isinstance(True, int)",
    "issubclass": "issubclass(bool, int), issubclass(str, str), issubclass(float, int)",
    "conversions": "int('7', 16), int(3.9), int(), str(3), str(), str([1]), int(True)",
    "types as keys": "{int: 1, str: 2}[int]",
    "methods of types": "sorted(['b', 'A'], key=str.lower), list(map(str.strip, [' a ']))",
    "defaults": "defaultdict(int)[3], defaultdict(str)[3]",
    "numbers": "5 % 3, 7 // 2, -(2**100), 2**64 * 2**63, 1 << 63, 6 & 3, 6 | 3, 6 ^ 3, 255 >> 2, ~5, divmod(7, 2)",
    "texts": "'a%s' % 3, f'{3:>{5}}|{\"x\"!r}', 'a,b'.split(','), '-'.join(['a', 'b']), 'aa'.replace('a', 'b')",
    "mathematics": "math.comb(100, 50), math.factorial(9), math.floor(2.5), math.pi, prod([2, 3]), math.gcd(4, 6)",
    "sums": "sum([1, 2]), sum([0.5, 1.5]), sum([[1], [2]], []), round(2.567, 1), round(2.5), pow(2, 10, 7)",
    "running sums": "list(itertools.accumulate([1, 2, 3])), list(itertools.accumulate([1, 3, 2], max, initial=0))",
    "sets": "{1, 2} | {3}, {1, 2} & {2}, {1} ^ {2}, {1, 2} - {1}",
    "counters": "Counter('aab') + Counter('b'), Counter('aab').most_common(1), Counter('aab') - Counter('a')",
    "statistics": "statistics.mean([1, 2]), statistics.pstdev([1.0, 3.0])",
}


@pytest.mark.parametrize("expression", SAME.values(), ids=SAME)
def test_what_is_short_is_as_python_has_it(expression):
    import statistics

    names = {
        "Counter": collections.Counter,
        "comb": math.comb,
        "defaultdict": collections.defaultdict,
        "itertools": itertools,
        "math": math,
        "prod": math.prod,
        "statistics": statistics,
    }
    assert run(f"return [{expression}]") == eval(f"[{expression}]", names)


def test_assignments_in_place_are_as_python_has_them():
    body = """x = [1, 2]; y = x; y += [3]; table = {'a': 1}; table['a'] += 2; rows = torch.zeros(3, 2); same = rows
    rows[1:, 0] += 2; rows[rows > 1] *= 3; rows -= 1; seen = []
    def place(): seen.append(1); return 0
    x[place()] += 5
    held = [[1, 2, 3]]; held[0][1:] += [4]
    return x, table, rows is same, rows.tolist(), seen, held"""
    assert run(body) == (
        [6, 2, 3],
        {"a": 3},
        True,
        [[-1.0, -1.0], [5.0, -1.0], [5.0, -1.0]],
        [1],
        [[1, 2, 3, 4]],
    )


def test_an_item_is_read_before_what_is_added_to_it_is_computed():
    body = "x = [1]\n    def change(): x[0] = 10; return 1\n    x[0] += change()\n    return x"
    assert run(body) == [2]


def test_torch_is_told_types_of_elements_by_the_names_of_python():
    body = "return [torch.zeros(1, dtype=int).dtype, torch.zeros(1).to(int).dtype, torch.ones(1).sum(dtype=int).dtype]"
    assert run(body) == [torch.int64] * 3


def test_errors_name_the_line_of_the_source():
    with pytest.raises(MethodError) as caught:
        run("x = 3\n    x = x ** 1000\n    return x")
    lines = [entry.lineno for entry in caught.traceback if str(entry.path).startswith("<method")]  # from 0
    assert lines[-1] == method("").split("\n").index("    ") + 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_too_long_is_not_kept_where_python_swallows_what_is_raised():
    """As it does while it finalises a generator that nothing holds."""
    top = """
class Held:
    number = 3

    def grown(self):
        try:
            yield
        finally:
            self.number *= 3**80

def held(numbers):
    number = 3
    object = Held()
    def late():
        nonlocal number
        try:
            yield
        finally:
            number *= 3**80
    def later():
        try:
            yield
        finally:
            numbers[0] *= 3**80
    for each in (late(), later(), object.grown()):
        next(each)
    del each
    return number, numbers[0], object.number
"""
    assert run("return held([3])", top) == (3, 3, 3)
