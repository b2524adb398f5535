"""Where the committed weights of the small targets are."""

from __future__ import annotations

from pathlib import Path

from istar.targets.errors import TargetError

NAMES = ("tiny-exact", "tiny-text")
"""Targets whose weights come with the package."""

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


def weights_folder(name: str) -> Path:
    """Return the folder of a small target's weights, configuration, tokenizer and card.

    Raises:
        TargetError: the installation lacks the folder.
    """
    folder = WEIGHTS / name
    if not (folder / "config.json").exists():
        raise TargetError(
            f"this installation of istar lacks the weights of {name}, expected in {folder}; install istar again, or "
            f"train them with: python -m istar.making.small_targets.train {name}"
        )
    return folder
