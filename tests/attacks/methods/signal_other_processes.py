"""Kills its worker, its parent and whatever else it may.

Fence: rejected: import of 'os'
Jail: harmless
"""

import ctypes
import os
import signal

import torch

from istar.methods import Interpretation

TGKILL = 234 if os.uname().machine == "x86_64" else 131
ACTIONS = (
    lambda: os.kill(os.getppid(), signal.SIGKILL),
    lambda: os.kill(1, signal.SIGKILL),
    lambda: os.killpg(0, signal.SIGKILL),
    lambda: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), signal.SIGKILL),
    lambda: 1 / (1 + ctypes.CDLL(None).syscall(TGKILL, os.getppid(), os.getppid(), signal.SIGKILL)),
)


def tried(action):
    try:
        action()
    except (OSError, ZeroDivisionError):
        return False
    return True


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(any([tried(action) for action in ACTIONS])))
