"""How each kind of intervention is applied to a target.

`istar.questions.interventions` holds interventions as data; here a registered applier turns one into a context
manager under which the target is modified, and after which it is exactly what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, _GeneratorContextManager, contextmanager, nullcontext
from inspect import isgenerator
from typing import TYPE_CHECKING, Any, Self

from istar.questions.interventions import Intervention
from istar.questions.runs import Run
from istar.registry import Registry
from istar.targets.errors import TargetError
from istar.targets.state import module_state, named_changes

if TYPE_CHECKING:
    from istar.flops.meter import MeterReading
    from istar.targets.target import Target

Applier = Callable[["Target", Any], AbstractContextManager[object]]

APPLIERS: Registry[Applier] = Registry(
    "intervention applier",
    ours=("istar.targets.appliers", "istar.targets.component_appliers", "istar.targets.organisms.applying"),
)


def applied(target: Target, intervention: Intervention | None) -> AbstractContextManager[object]:
    """Return a context in which the target is modified by `intervention`; None leaves it as it is.

    Raises:
        TargetError: no applier is registered for this kind of intervention, or a user's is no context manager.
            Leaving the context raises it if a user's has not undone what it did.
    """
    if intervention is None:
        return nullcontext()
    if intervention.kind not in APPLIERS:
        raise TargetError(
            f"nobody knows how to apply the intervention kind {intervention.kind!r}; appliers are registered for: "
            f"{', '.join(APPLIERS) or 'none'}. Register one in istar.targets.APPLIERS, in a file that "
            "ISTAR_PLUGINS names."
        )
    applier = APPLIERS.get(intervention.kind)
    made = applier(target, intervention)
    if str(getattr(applier, "__module__", "")).startswith("istar."):
        return made
    if not isinstance(made, AbstractContextManager):
        raise TargetError(
            f"the applier of {intervention.kind!r} returns a {type(made).__name__}, which is no context manager; write "
            "it as a generator under `@contextlib.contextmanager`, with one `yield`"
        )
    return _undone(target, intervention.kind, made)


@contextmanager
def _undone(target: Target, kind: str, made: AbstractContextManager[object]) -> Iterator[None]:
    """Hold a user's applier to leaving hooks, modes, attributes and the tensors themselves as they were.

    Whether numbers written into a tensor were put back is not seen here: `InterventionConformance` tests it.
    """
    before = module_state(target.module, writes=False)
    if isinstance(made, _GeneratorContextManager) and not isgenerator(made.gen):
        raise TargetError(f"the applier of {kind!r} never yields; the target is run where it says `yield`")
    try:
        with made:
            yield
    except RuntimeError as error:
        if str(error) != "generator didn't stop":
            raise
        raise TargetError(f"the applier of {kind!r} yields more than once; write one `yield`") from error
    changed = named_changes(before, module_state(target.module, writes=False))
    if changed:
        raise TargetError(
            f"the applier of {kind!r} leaves the target changed: {changed}; remove hooks in `finally`, and put other "
            "weights in place with istar.targets.appliers.replaced instead of writing into those there are"
        )


class Switch:
    """Keeps a target under one intervention at a time, and leaves it as it was found.

    Applying an intervention may be dear (a gradient step), so one stays applied until another is asked for.

    Args:
        target: the model.
        runs: whose interventions may be asked for.
    """

    def __init__(self, target: Target, runs: Iterable[Run]) -> None:
        """See the class docstring."""
        self._target = target
        self._interventions = {run.intervention.key: run.intervention for run in runs if run.intervention is not None}
        self._stack = ExitStack()
        self.key = ""

    def to(self, key: str) -> None:
        """Put the target under the intervention of this key; "" leaves it plain."""
        if key == self.key:
            return
        self._stack.close()
        self.key = ""
        if key:
            self._apply(self._interventions[key])
            self.key = key

    def _apply(self, intervention: Intervention) -> None:
        self._stack.enter_context(applied(self._target, intervention))

    def __enter__(self) -> Self:
        """Start with the plain target."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the target plain."""
        self._stack.close()
        self.key = ""


def setup_reading(target: Target, intervention: Intervention, rulebook: str | None = None) -> MeterReading:
    """Return what putting a target under an intervention was metered at; an organism is the subject and free.

    Args:
        target: the model, plain.
        intervention: what is set up once and then undone again.
        rulebook: the version of the prices; the one in use if None.
    """
    from istar.flops import RULEBOOK, RULEBOOKS, Meter

    meter = Meter(RULEBOOK if rulebook is None else RULEBOOKS[rulebook])
    with ExitStack() as stack, meter:
        stack.enter_context(applied(target, intervention))
    return meter.snapshot()


def setup_flops(target: Target, intervention: Intervention) -> int:
    """Return the metered FLOPs of putting a target under an intervention; see `setup_reading`."""
    return setup_reading(target, intervention).flops


def setup_prices(target: Target, runs: Iterable[Run], rulebook: str | None = None) -> dict[str, int]:
    """Return what setting up each intervention of some runs costs, in FLOPs, by intervention key.

    Args:
        target: the model, plain.
        runs: the runs; interventions that state the same cost are set up and metered once.
        rulebook: the version of the prices; the one in use if None.
    """
    return {key: reading.flops for key, reading in setup_readings(target, runs, rulebook).items()}


def setup_readings(target: Target, runs: Iterable[Run], rulebook: str | None = None) -> dict[str, MeterReading]:
    """Return what setting up each intervention of some runs was metered at; see `setup_prices` and `setup_reading`."""
    interventions = {run.intervention.key: run.intervention for run in runs if run.intervention is not None}
    metered: dict[str, MeterReading] = {}
    for intervention in interventions.values():
        if intervention.cost_key not in metered:
            metered[intervention.cost_key] = setup_reading(target, intervention, rulebook)
    return {key: metered[intervention.cost_key] for key, intervention in interventions.items()}
