"""An independent count of every operation that a method may name, in every form of its arguments.

The rulebook's prices are held against counts made from the definitions of the operations (`counts`), and against the
time that they take (`witness`). `cases` lists what is tried; `uncounted` what is not, which the meter refuses.
"""
