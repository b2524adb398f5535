"""How much work Python itself can do inside the language fence, where the meter sees nothing.

    python benchmarks/python_arithmetic.py [--seconds 0.3] [--output FILE]

Each idiom is a method file that the fence lets through, loaded as methods are, with all its guards, and timed in
processor time while it repeats one expression on values that are at hand: the best of three. An operation is what the
same mathematics would be to the rulebook, were it done in torch:

- products: 1 a product or sum of two floats in work that products are part of; a complex product is 6, and an integer
  that holds k numbers side by side counts k a product. A model's forward is made of these.
- single: 1 a sum, a product of all or a step of either, 16 a transcendental function, one number at a time or k side by
  side in an integer.
- bits: 1 a bit of each result.
- order: 1 a comparison or a look-up of a list, set or dictionary; n log2 n to sort.
- texts: 1 a character that is compared or replaced, 2 a character that is compared and counted.

What the groups but the first do is of use for parts of a method's work only, or tells values apart.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from istar.methods import load_method
from machine import describe_machine, matrix_product_rate

FRAME = """
import itertools
import math
import statistics
from collections import Counter

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    {setup}
    return a, b


def predict(question, runs, target, interpretation, prepared):
    a, b = prepared
    for _ in range(question):
        {expression}
"""

LENGTH = 1000
FLOATS = "a = [i / 7 for i in range(1000)]; b = [i / 3 + 1 for i in range(1000)]"
COMPLEX = "a = [i * 1j + 1 for i in range(1000)]; b = [i * 2j - 1 for i in range(1000)]"
TABLE = "a = {i: i / 7 for i in range(256)}; b = [i * 7919 % 256 for i in range(1000)]"
UNSORTED = "a = sorted([i / 7 for i in range(1000)], key=lambda x: x * 7919 % 13); b = 0"
WORDS = "a = [(1 << 63) // 3 + i for i in range(1000)]; b = [(1 << 63) // 5 + i for i in range(1000)]"
LANES = "a = [sum([(i + k) % 256 * 2 ** (18 * k) for k in range(7)]) for i in range(1000)]; b = a[::-1]"
WEIGHTS = "a = [sum([(i + k) % 256 * 2 ** (25 * k) for k in range(5)]) for i in range(1000)]; b = list(range(1000))"
TEXT = "a = 'ab' * 8192; b = 'ab' * 8191 + 'ac'"


@dataclass(frozen=True)
class Idiom:
    """One way of doing work in Python.

    Attributes:
        name: what it does.
        group: "products", "single", "bits", "order" or "texts", see the module's docstring.
        setup: statements that make `a` and `b`; not timed.
        expression: what is timed.
        operations: how many it does.
    """

    name: str
    group: str
    setup: str
    expression: str
    operations: float


IDIOMS = (
    Idiom("scalar product by a comprehension", "products", FLOATS, "sum([x * y for x, y in zip(a, b)])", 2 * LENGTH),
    Idiom("statistics.fmean with weights", "products", FLOATS, "statistics.fmean(a, b)", 2 * LENGTH),
    Idiom("sum of looked-up products", "products", TABLE, "sum(map(a.get, b))", 2 * LENGTH),
    Idiom("complex scalar product", "products", COMPLEX, "sum([x * y for x, y in zip(a, b)])", 8 * LENGTH),
    Idiom("math.prod", "single", FLOATS, "math.prod(a)", LENGTH),
    Idiom("math.prod of complex numbers", "single", COMPLEX, "math.prod(a)", 6 * LENGTH),
    Idiom("five numbers an integer, times one", "products", WEIGHTS, "[x * y for x, y in zip(a, b)]", 5 * LENGTH),
    Idiom("power modulo 127 bits", "products", "a = 2**126 // 3; b = 2**127 - 1", "pow(3, a, b)", 2 * 190),
    Idiom("standard deviation", "products", FLOATS, "statistics.pstdev(a)", 3 * LENGTH),
    Idiom("sum", "single", FLOATS, "sum(a)", LENGTH),
    Idiom("math.fsum", "single", FLOATS, "math.fsum(a)", LENGTH),
    Idiom("complex sum", "single", COMPLEX, "sum(a)", 2 * LENGTH),
    Idiom("running sums", "single", FLOATS, "list(itertools.accumulate(a))", LENGTH),
    Idiom("math.tanh by map", "single", FLOATS, "list(map(math.tanh, a))", 16 * LENGTH),
    Idiom("math.erf by map", "single", FLOATS, "list(map(math.erf, a))", 16 * LENGTH),
    Idiom("math.atan2 by map", "single", FLOATS, "list(map(math.atan2, a, b))", 16 * LENGTH),
    Idiom("seven numbers an integer, summed", "single", LANES, "sum(a)", 7 * LENGTH),
    Idiom("seven numbers an integer, added", "single", LANES, "[x + y for x, y in zip(a, b)]", 7 * LENGTH),
    Idiom("and of words", "bits", WORDS, "[x & y for x, y in zip(a, b)]", 64 * LENGTH),
    Idiom("exclusive or of words", "bits", WORDS, "[x ^ y for x, y in zip(a, b)]", 64 * LENGTH),
    Idiom("shift of words", "bits", WORDS, "[x >> 1 for x in a]", 64 * LENGTH),
    Idiom("sorted", "order", UNSORTED, "sorted(a)", LENGTH * 9.97),
    Idiom("max", "order", FLOATS, "max(a)", LENGTH),
    Idiom("equality of lists", "order", f"{FLOATS}; b = [x + 0 for x in a]", "a == b", LENGTH),
    Idiom("count in a list", "order", FLOATS, "a.count(-1.0)", LENGTH),
    Idiom("intersection of sets", "order", f"{FLOATS}; a = set(a); b = set(b)", "a & b", LENGTH),
    Idiom("look-ups in a dictionary", "order", f"{FLOATS}; b = dict(zip(a, b))", "list(map(b.get, a))", LENGTH),
    Idiom("Counter", "order", "a = list(range(10)) * 100; b = 0", "Counter(a)", LENGTH),
    Idiom("equality of texts", "texts", f"{TEXT}; b = a[:-1] + 'b'", "a == b", 2 * 8192),
    Idiom("search of a text", "texts", TEXT, "'ac' in b", 2 * 8192),
    Idiom("count of a character", "texts", TEXT, "a.count('a')", 2 * 2 * 8192),
    Idiom("replacement of a character", "texts", TEXT, "a.replace('a', 'c')", 2 * 8192),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.3, help="processor seconds a timing at least")
    default = Path(__file__).parent / "results" / "python_arithmetic.json"
    parser.add_argument("--output", type=Path, default=default)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    product = matrix_product_rate()
    rates = [(idiom, rate(idiom, arguments.seconds)) for idiom in IDIOMS]
    fastest: dict[str, dict[str, object]] = {}
    for idiom, found in sorted(rates, key=lambda each: each[1]):
        fastest[idiom.group] = {"idiom": idiom.name, "operations_a_second": found}
    result = {
        "machine": describe_machine(),
        "matrix_product_flops_a_second": rounded(product),
        "fastest": dict(sorted(fastest.items())),
        "idioms": [
            {
                "name": idiom.name,
                "group": idiom.group,
                "expression": idiom.expression,
                "operations": round(idiom.operations),
                "operations_a_second": found,
            }
            for idiom, found in rates
        ],
    }
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0


def rate(idiom: Idiom, seconds: float) -> float:
    """Return operations a second, the best of three timings that take so many processor seconds at least."""
    method = load_method(FRAME.format(setup=idiom.setup, expression=idiom.expression), "idiom")
    prepared = method.prepare(None, None, None)
    times, best = 1, 0.0
    for _ in range(3):
        while (spent := timed(method, prepared, times)) < seconds:
            times = max(2 * times, round(1.2 * times * seconds / max(spent, 1e-6)))
        best = max(best, idiom.operations * times / spent)
    return rounded(best)


def timed(method, prepared, times: int) -> float:
    started = time.process_time()
    method.predict(times, None, None, None, prepared)
    return time.process_time() - started


def rounded(value: float) -> float:
    return float(f"{value:.3g}")


if __name__ == "__main__":
    raise SystemExit(main())
