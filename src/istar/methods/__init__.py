"""Methods: the contract, the fence, loading, recording, and a library of human-made ones.

A method is a plain Python file; see `docs/methods.md` for how to write one.
"""

from istar.methods.contract import Interpretation, MethodError
from istar.methods.fence import Fault, FenceError, check_source
from istar.methods.loading import Method, load_method
from istar.methods.recording import ChannelBatch, Recording
from istar.methods.tools.alignment import Alignment, Placement, align
from istar.methods.tools.gradients import FirstOrder, GradientFactors, Scalar, fine_tunes, gradient_factors, linear_maps
from istar.methods.tools.intervening import block_at, head_at, heads_of, under
from istar.methods.tools.responses import PartResponses
from istar.methods.tools.scores import asked_tokens, renumbered, smooth_value
from istar.methods.tools.shared_context import SharedContexts
from istar.methods.tools.skipping import replacing, without_blocks
from istar.methods.tools.spans import asked_spans, score_asked
from istar.methods.tools.sparse_code import SparseCode, fit_sparse_code
from istar.methods.tools.stitching import StitchedRuns
from istar.methods.tools.substitution import Substitution, Substitutions, substitutions

__all__ = [
    "Alignment",
    "ChannelBatch",
    "Fault",
    "FenceError",
    "FirstOrder",
    "GradientFactors",
    "Interpretation",
    "Method",
    "MethodError",
    "PartResponses",
    "Placement",
    "Recording",
    "Scalar",
    "SharedContexts",
    "SparseCode",
    "StitchedRuns",
    "Substitution",
    "Substitutions",
    "align",
    "asked_spans",
    "asked_tokens",
    "block_at",
    "check_source",
    "fine_tunes",
    "fit_sparse_code",
    "gradient_factors",
    "head_at",
    "heads_of",
    "linear_maps",
    "load_method",
    "renumbered",
    "replacing",
    "score_asked",
    "smooth_value",
    "substitutions",
    "under",
    "without_blocks",
]
