"""What code that is given a target could change in it and leave behind."""

from __future__ import annotations

from torch import nn


def module_state(module: nn.Module, *, writes: bool = True) -> dict[str, object]:
    """Return what could be changed in a module and left behind, by name: cheap to take, without reading a weight.

    Args:
        module: the module.
        writes: whether weights that were written to count as changed, even where the old numbers were put back.
    """
    state: dict[str, object] = {}
    for name, part in module.named_modules():
        state[f"hooks of {name!r}"] = tuple(
            len(hooks)
            for hooks in (
                part._forward_hooks,
                part._forward_pre_hooks,
                part._backward_hooks,
                part._backward_pre_hooks,
            )
        )
        state[f"training mode of {name!r}"] = part.training
        state[f"attributes of {name!r}"] = frozenset(part.__dict__)
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        state[f"values of {name!r}"] = (id(tensor), tensor._version if writes else None, tensor.data_ptr())
        state[f"requires_grad of {name!r}"] = tensor.requires_grad
        state[f"gradient of {name!r}"] = tensor.grad is None
    config = getattr(module, "config", None)
    if config is not None:
        state["configuration"] = repr(config)
    return state


def named_changes(before: dict[str, object], after: dict[str, object]) -> str:
    """Return the names of what differs between two states, the first five; empty if nothing does."""
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return ", ".join(changed[:5]) + (", ..." if len(changed) > 5 else "")
