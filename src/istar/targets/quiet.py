"""Transformers without its progress bars and advice, which would mix with our own output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' progress bars and everything it logs below an error, then restore both."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


SHOWN_OF_A_REASON = 400
"""How many characters of what transformers says an error repeats."""


def reason_of(error: Exception) -> str:
    """Return what an error of another library says, in one line."""
    said = " ".join(str(error).split()) or repr(error)
    return said if len(said) <= SHOWN_OF_A_REASON else said[:SHOWN_OF_A_REASON] + "..."
