"""Settings that hold for every test."""

import pytest
import torch
from hypothesis import settings
from threadpoolctl import threadpool_limits

# A slow machine is no failure: what is measured is measured in benchmarks/, side by side.
settings.register_profile("istar", deadline=None)
settings.load_profile("istar")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Run tiny tensors and matrices on one thread; on several they spend their time waiting for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)
