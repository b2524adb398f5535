"""How far figures may differ between machines: other instruction sets and other numbers of threads.

docs/trust.md states these tolerances. On one machine the same seed gives the same bits; `tests/faults` and
`test_protocol_end_to_end` hold that.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from measured import PATIENCE

VALUES = 1e-5
"""Nats, and units of channels."""
CURVES = 1e-4
"""Of the largest loss of a curve, and of the FLOPs spent by each of its points."""
CHOICES = ("adversarial_floor/symbols",)
"""Where rows are bought for the arm that promises most, a last digit can decide between two arms, and what is bought
after that differs: of such curves the same is asked only up to the first choice and at brute force."""
BEFORE_CHOICES = 4

MODERN = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}
OLD = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX",
}

pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="these instruction sets are those of x86"
)


def figures(threads, instructions):
    waiting = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}  # other tests need the cores too
    environment = {**os.environ, **waiting, **instructions, "OMP_NUM_THREADS": str(threads)}
    program = [sys.executable, str(Path(__file__).parent / "figures_here.py"), str(threads)]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def here():
    return figures(1, MODERN)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((1, OLD), id="other instructions"),
        pytest.param((2, MODERN), id="two threads", marks=pytest.mark.trust),
    ],
)
def other(request):
    return figures(*request.param)


@pytest.mark.slow
def test_figures_differ_by_rounding_alone(here, other, request):
    assert other.keys() == here.keys()
    for task, known in here.items():
        found = other[task]
        for name in ("brute_flops", "method_flops", "by_op"):
            assert found[name] == known[name], (task, name)
        assert np.abs(np.subtract(found["values"], known["values"])).max() < VALUES
        for batch, same in zip(found["channels"], known["channels"], strict=True):
            assert np.abs(np.subtract(batch, same)).max() < VALUES
        for arm in ("black_box", "white_box"):
            assert np.allclose(found[arm]["flops"], known[arm]["flops"], rtol=CURVES), (task, arm)
            differences = np.abs(np.subtract(found[arm]["loss"], known[arm]["loss"])) / max(known[arm]["loss"])
            if task in CHOICES:
                differences = differences[[*range(BEFORE_CHOICES), -1]]
            assert differences.max() < CURVES, (task, arm)
    if "instructions" in request.node.name:  # otherwise this would compare a thing with itself
        assert any(other[task]["values"] != here[task]["values"] for task in here)
