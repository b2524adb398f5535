"""Running untrusted methods: tiers of isolation, the worker in the jail, and the parent's end of it.

`client.Worker` is the door: one method on one target, `interpret` once and `record` a question. `jail.Jail` underneath
holds the target in a process that never runs a method's code itself and forks for every request.

Nothing is imported here, so that what starts a jail, and what runs in it, loads only what it needs.
"""
