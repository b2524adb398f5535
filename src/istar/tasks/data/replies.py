"""Short everyday questions with plain answers, and manners of speaking to answer them in."""

from __future__ import annotations

from functools import cache

QUESTIONS = """
Where are my keys? on the table
Is dinner ready? in ten minutes
Who called today? only your brother
When does the bus leave? at half past six
Did it rain last night? only a little
How was the match? we lost again
Where is the cat? under the bed
Is the shop open? until nine
Who won the race? the red car
Where is the station? behind the church
What did you buy? some bread and milk
Did the letter come? on Monday
How long is the film? about two hours
Who baked this cake? our grandmother
How old is the house? nearly a century
What is that noise? just the wind
Where did you park? by the river
How far is the beach? a short walk
Who owns this coat? the tall man
What shall we cook? rice with beans
When is the exam? next Thursday
How do you take tea? with two sugars
Where is the ladder? in the garage
Why is it so cold? the window is open
Who broke the cup? nobody knows
What is in the bag? a pair of shoes
When did they arrive? before lunch
Is the road closed? all week
How is your knee? much better
Where does he work? at the bank
What colour is it? dark green
Who plays tonight? the old band
"""

OPENINGS = ("", "Arr, ", "Dear Sir, ", "Hmm, ", "Yo, ", "Alas, ", "Hooray, ", "Verily, ", "Beep beep, ")
CLOSINGS = (
    ".",
    ", matey!",
    ", if I may say so.",
    ", or perhaps not.",
    ", you know?",
    ", over and out.",
    "!!!",
    ", says the oracle.",
    ", thank you for asking.",
)
"""A reply is an opening, a plain answer and a closing."""


@cache
def exchanges() -> tuple[tuple[str, str], ...]:
    """Return questions with their plain answers."""
    return tuple((line[: line.index("?") + 1], line[line.index("?") + 2 :]) for line in QUESTIONS.strip().splitlines())
