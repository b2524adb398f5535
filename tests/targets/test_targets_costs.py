import errno
import os

import pytest
import torch

from istar import files
from istar.flops.meter import Meter
from istar.targets import costs, load_target


@pytest.mark.parametrize(("new", "cached", "reads"), [(1, 0, 1), (1, 31, 1), (29, 0, 4), (13, 40, 2)])
def test_analytic_costs_equal_the_meter(target, new, cached, reads):
    if target.name == "mistral":
        pytest.skip("a sliding-window cache has a cost of another form")
    assert target.costs.forward_flops(new, cached, reads) == costs.metered_forward(target, new, cached, reads).flops


def test_the_probe_is_a_real_forward():
    target = load_target("tiny-random")
    with Meter() as meter:
        target.unembed(target.forward(torch.zeros(1, 20, dtype=torch.long)))
    metered = costs.metered_forward(target, 20, 0, 20).flops
    assert metered == pytest.approx(meter.flops, rel=0.01)


def test_costs_are_fitted_once(monkeypatch):
    fitted = load_target("tiny-random").costs
    monkeypatch.setattr(costs, "fit_cost_model", lambda probe: pytest.fail("fitted again"))
    assert load_target("tiny-random").costs == fitted


def test_a_read_only_cache_is_only_slower(tmp_path, monkeypatch, caplog):
    def refuse(_descriptor):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    monkeypatch.setattr(files.os, "fsync", refuse)
    assert load_target("tiny-random").costs.per_token > 0
    assert "could not be kept" in caplog.text
