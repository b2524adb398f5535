"""Targets: the models that are interpreted, where their parts are, and how runs are packed and run."""

from typing import TYPE_CHECKING

from istar.deferred import deferred

if TYPE_CHECKING:
    from istar.targets.anatomy import ARCHITECTURES, Anatomy, PartNames, dissect
    from istar.targets.corpus import Corpus, build_corpus
    from istar.targets.errors import RowError, TargetError, TargetMemoryError, UnknownArchitectureError
    from istar.targets.interventions import APPLIERS, setup_flops, setup_prices, setup_readings
    from istar.targets.loading import load_target
    from istar.targets.places import FOLDERS
    from istar.targets.target import Streams, Target, wrap
else:
    __getattr__ = deferred(__name__)

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
