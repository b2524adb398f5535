import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from served_models import Endpoint


@pytest.fixture
def endpoint():
    """Serve models by functions of requests; every endpoint ends with the test."""
    opened = []

    def serve(answer, **options):
        opened.append(Endpoint(answer, **options))
        return opened[-1]

    yield serve
    for each in opened:
        each.close()
