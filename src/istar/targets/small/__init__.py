"""Two small targets that were trained for istar and whose weights come with the package.

`tiny-text` (4.7 million parameters) has read scripture and film reviews; `tiny-exact` (0.4 million) knows a made-up
language of 16 symbols, small enough that all its inputs of a given length can be run. A family gets `tiny-exact`'s
texts from `istar.targets.small.tiny_exact`. Both are retrained by `python -m istar.making.small_targets.train`; each
folder's `card.json` says what was measured when the committed weights were made.
"""

from istar.targets.small.folders import NAMES, weights_folder

__all__ = ["NAMES", "weights_folder"]
