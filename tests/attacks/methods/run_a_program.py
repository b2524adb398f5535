"""Runs another program.

Fence: rejected: import of 'subprocess'
Jail: harmless
Plain: gains
"""

import subprocess

import torch

from istar.methods import Interpretation


def attempt(target):
    try:
        return subprocess.run(["/usr/bin/env", "true"], check=False).returncode == 0
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
