"""The red team: what an organism is to learn, how it is trained, what it claims, and how that is measured.

The library's own organisms are listed in `istar.making.organisms`; those of a duel (`istar.duel`) are trained here too.
The texts that organisms react to are in `istar.tasks.data`.
"""
