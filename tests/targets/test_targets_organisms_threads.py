"""The memory of merged organisms, which threads with targets of their own share."""

from collections import OrderedDict
from threading import Thread
from types import SimpleNamespace

import pytest
import torch

from istar.questions.interventions import Organism
from istar.targets.organisms import applying
from istar.targets.organisms.applying import merged_weights


class Interleaving(OrderedDict):
    """A memory in which another thread gets its turn just before anything is moved to the end."""

    other = staticmethod(lambda: None)

    def move_to_end(self, key, last=True):
        other, self.other = self.other, lambda: None
        self.waiting = Thread(target=other)
        self.waiting.start()
        # it has come and gone by now, or waits for its turn: the outcome must be the same
        self.waiting.join(0.3)
        super().move_to_end(key, last)


@pytest.fixture
def memory(monkeypatch):
    memory = Interleaving()
    monkeypatch.setattr(applying, "_kept", memory)
    adapter = SimpleNamespace(merged=lambda target: {"weight": torch.ones(2, 2)})
    monkeypatch.setattr(applying, "load_adapter", lambda name, digest: adapter)
    return memory


def test_a_thread_may_drop_weights_while_another_takes_them(memory):
    mine, other = (SimpleNamespace(id=name, module=torch.nn.Linear(2, 2)) for name in ("mine", "other"))
    organism = Organism("made-up", "digest")
    first = merged_weights(mine, organism)
    memory.other = lambda: merged_weights(other, organism)
    assert merged_weights(mine, organism) is first
    memory.waiting.join()
    assert [key[2] for key in memory] == ["other"]
