"""Targets: the models that are interpreted, where their parts are, and how runs are packed and run."""

from istar.targets import appliers as _appliers  # noqa: F401  (registers the appliers of the library's kinds)
from istar.targets import organisms as _organisms  # noqa: F401  (registers the applier of organisms)
from istar.targets.anatomy import ARCHITECTURES, Anatomy, PartNames, dissect
from istar.targets.corpus import Corpus, build_corpus
from istar.targets.errors import RowError, TargetError, TargetMemoryError, UnknownArchitectureError
from istar.targets.interventions import APPLIERS, setup_flops, setup_prices, setup_readings
from istar.targets.loading import FOLDERS, load_target
from istar.targets.target import Streams, Target, wrap

__all__ = [
    "APPLIERS",
    "ARCHITECTURES",
    "FOLDERS",
    "Anatomy",
    "Corpus",
    "PartNames",
    "RowError",
    "Streams",
    "Target",
    "TargetError",
    "TargetMemoryError",
    "UnknownArchitectureError",
    "build_corpus",
    "dissect",
    "load_target",
    "setup_flops",
    "setup_prices",
    "setup_readings",
    "wrap",
]
