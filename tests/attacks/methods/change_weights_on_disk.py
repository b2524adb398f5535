"""Changes the target's files.

Fence: rejected: import of 'os'
Jail: harmless
"""

import os

import torch

from istar.methods import Interpretation

ACTIONS = (
    lambda folder: open(folder / "config.json", "a"),
    lambda folder: os.truncate(folder / "config.json", 0),
    lambda folder: os.chmod(folder / "config.json", 0o777),
    lambda folder: os.chown(folder / "config.json", os.getuid(), os.getgid()),
    lambda folder: os.utime(folder / "config.json", (0, 0)),
    lambda folder: os.rename(folder / "config.json", folder / "moved.json"),
    lambda folder: os.remove(folder / "config.json"),
    lambda folder: os.link(folder / "config.json", folder / "linked.json"),
    lambda folder: os.setxattr(folder / "config.json", "user.note", b"1"),
)


def tried(action, folder):
    try:
        action(folder)
    except OSError:
        return False
    return True


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(any([tried(action, target.path) for action in ACTIONS])))
