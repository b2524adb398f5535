"""Jails that outlive the command that started them, so that not each of a test's commands waits for its own.

A jail's serving process never runs a method's code, so the next command finds it as the last one did. Only a jail that
is idle is kept, and only a start with the same target, files, plug-ins and mounts, in the same process, finds it. What
jails are is tested in `tests/sandbox`, `tests/attacks` and `tests/faults`, whose jails end when they say so.
"""

import os
from contextlib import contextmanager
from threading import Lock

import pytest

from istar import paths
from istar.sandbox.jail.jail import Jail, _fingerprint
from istar.sandbox.jail.mounts import jail_mounts
from istar.sandbox.wire.shipping import shipment

MOST = 3
"""How many idle jails are kept at once; each holds torch and its target."""

_lock = Lock()
_idle = []
"""(key, process, control, whether it is ready, and what the jail knows of it), the oldest first."""


def _key(jail):
    plugins = shipment()
    mounts = jail_mounts(jail.target.path, [paths.home()], plugins.files).arguments()
    files = tuple(_fingerprint(file.parent) for file in plugins.files)
    content = (jail.target, _fingerprint(jail.target.path), plugins.to_bytes(), files, tuple(mounts))
    return os.getpid(), jail.tier.name, str(paths.home()) if jail.tier.name == "plain" else "", content


def _taken(key):
    """Return an idle jail that still runs, if there is one."""
    with _lock:
        for kept in [each for each in _idle if each[0] == key]:
            _idle.remove(kept)
            if kept[1].alive:
                return kept
            _end(kept)
    return None


def _end(kept):
    (process_id, *_), process, control, *_ = kept
    control.close()
    if process_id == os.getpid():  # a fork has copies of what is its parent's
        process.kill()


@contextmanager
def kept_jails():
    """Keep the jails that are stopped until this ends."""
    start, stop, wait_ready = Jail.start, Jail.stop, Jail.wait_ready

    def start_or_take(jail):
        if type(jail) is not Jail or (jail._process is not None and jail._process.alive):
            return start(jail)
        stop(jail)
        jail.key, jail.asked_for = _key(jail), False
        kept = _taken(jail.key)
        if kept is None:
            return start(jail)
        _, jail._process, jail._control, jail._ready, facts = kept
        vars(jail).update(facts)
        return None

    def wait(jail):
        if not jail._ready:
            jail.start()
            jail.asked_for = True  # an interrupt would leave half a greeting behind
        return wait_ready(jail)

    def keep_or_stop(jail):
        process, control = jail._process, jail._control
        idle = jail._ready or not getattr(jail, "asked_for", True)
        if type(jail) is not Jail or process is None or not process.alive or jail._lock.locked() or not idle:
            return stop(jail)
        facts = {name: getattr(jail, name) for name in ("target_id", "rates", "startup_seconds")}
        with _lock:
            _idle.append((jail.key, process, control, jail._ready, facts))
            while len(_idle) > MOST:
                _end(_idle.pop(0))
        jail._process = jail._control = None
        jail._ready = False
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Jail, "start", start_or_take)
        patch.setattr(Jail, "stop", keep_or_stop)
        patch.setattr(Jail, "wait_ready", wait)
        yield


def end_all():
    """End the idle jails of this process."""
    while _idle:
        _end(_idle.pop())
