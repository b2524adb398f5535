"""Starts threads until nothing else can run.

Fence: rejected: import of 'threading'
Jail: harmless
"""

import threading

import torch

from istar.methods import Interpretation


def started():
    stop = threading.Event()
    threads = []
    try:
        for _ in range(3000):
            threads.append(threading.Thread(target=stop.wait))
            threads[-1].start()
    except RuntimeError:
        pass
    finally:
        stop.set()
    return len(threads)


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(started() > 1000))
