"""The red team: how the library's model organisms are made and measured.

`python -m istar.tasks.red_team` trains the adapters that are committed beside `istar.targets.organisms` and writes
their cards. Families use `relations`, `requests` and `behaviours` to put the prompts that an organism reacts to;
nothing here is needed to apply one.
"""
