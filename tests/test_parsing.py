import ast
import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from istar.methods.library import library_methods
from istar.parsing import parsed


@pytest.fixture
def impatient():
    """Let threads take turns as often as they can, also while garbage is collected, which is all the time."""
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()

    def busy(phase, info):
        sum(range(10))

    gc.callbacks.append(busy)
    gc.set_threshold(50)
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)
    gc.callbacks.remove(busy)


def test_threads_parse_at_once_what_they_parse_alone(impatient):
    """With `ast.parse` itself about every tenth file ended in a SystemError."""
    sources = [path.read_text() for path in library_methods().values()]
    alone = [ast.dump(ast.parse(source)) for source in sources]
    with ThreadPoolExecutor(8) as pool:
        assert [ast.dump(tree) for tree in pool.map(parsed, sources)] == alone
