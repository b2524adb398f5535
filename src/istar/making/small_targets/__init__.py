"""How the small targets are trained: `python -m istar.making.small_targets.train`."""
