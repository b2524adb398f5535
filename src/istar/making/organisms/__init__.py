"""The library's model organisms: which there are.

`python -m istar.making.organisms` trains the adapters that are committed beside `istar.targets.organisms` and writes
their cards; nothing here is needed to apply one. How they are trained and measured is in `istar.red_team`.
"""
