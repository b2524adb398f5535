"""The red team: how the library's model organisms are made and measured.

`python -m istar.making.organisms` trains the adapters that are committed beside `istar.targets.organisms` and writes
their cards; nothing here is needed to apply one. The texts that an organism reacts to are in `istar.tasks.data`.
"""
