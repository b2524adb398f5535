"""Methods: the contract, the fence, loading, recording, and a library of human-made ones.

A method is a plain Python file; see `docs/methods.md` for how to write one.
"""

from istar.methods.alignment import Alignment, Placement, align
from istar.methods.contract import Interpretation, MethodError
from istar.methods.fence import Fault, FenceError, check_source
from istar.methods.loading import Method, load_method
from istar.methods.recording import ChannelBatch, Recording
from istar.methods.scores import asked_tokens, renumbered, smooth_value
from istar.methods.shared_context import SharedContexts
from istar.methods.skipping import without_blocks
from istar.methods.spans import asked_spans, score_asked

__all__ = [
    "Alignment",
    "ChannelBatch",
    "Fault",
    "FenceError",
    "Interpretation",
    "Method",
    "MethodError",
    "Placement",
    "Recording",
    "SharedContexts",
    "align",
    "asked_spans",
    "asked_tokens",
    "check_source",
    "load_method",
    "renumbered",
    "score_asked",
    "smooth_value",
    "without_blocks",
]
