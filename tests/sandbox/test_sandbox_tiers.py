"""Starting processes that outlive whoever asked for them."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest

from istar.sandbox.jail import tiers
from measured import PATIENCE


@pytest.fixture
def launchers(monkeypatch):
    """Every launcher that is made; the making of the first waits a moment for a second."""
    made, second = [], Event()

    def make(*arguments, **options):
        made.append(ThreadPoolExecutor(*arguments, **options))
        if len(made) == 2:
            second.set()
        second.wait(0.3)
        return made[-1]

    monkeypatch.setattr(tiers, "ThreadPoolExecutor", make)
    tiers._launcher.cache_clear()
    yield made
    tiers._launcher.cache_clear()
    for each in made:
        each.shutdown()


def test_threads_that_start_jails_at_once_share_a_launcher(launchers):
    """A jail ends with the thread that started it, so a launcher that is forgotten takes its jails along."""
    statuses = []

    def start():
        statuses.append(tiers.launch_for_good([sys.executable, "-c", ""]).wait(PATIENCE))

    threads = [Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0, 0]
    assert len(launchers) == 1
