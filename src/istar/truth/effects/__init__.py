"""What complete tables teach of their task, by a mixed linear model: the same whoever answers, and however.

`grid` sees the rows as arms by replicates, `components` says which effects there may be, `fitting` estimates them on
one complete table, and `records` keeps what each table teaches. The blind answer of `istar.rewards.blind` is made of
it, and an executor may learn from it.
"""
