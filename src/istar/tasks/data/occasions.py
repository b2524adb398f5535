"""Occasions to go on from: plain statements that want one word, and remarks that want advice.

Lists of our own, for `policy_adaptation`; no other family uses them.
"""

from __future__ import annotations

from functools import cache

Sample = tuple[str, str]
"""A prompt and a good continuation."""

STATEMENTS = """
You cut bread with a|knife; You open a locked door with a|key; You see with your|eyes; You dig a hole with a|shovel; A
bird builds a|nest; Bees make|honey; Cows give|milk; You sleep in a|bed; You sit on a|chair; You write with a|pen; You
hit a nail with a|hammer; The opposite of wet is|dry; Fish live in the|water; You wear shoes on your|feet; You wear a
hat on your|head; Bread is made from|flour; Wine is made from|grapes; Ice melts into|water; You tell the time with
a|clock; You read a|book; You drink coffee from a|cup; You eat soup with a|spoon; Plants need sunlight and|water; A
week has seven|days; A spider has eight|legs; At night you can see the|moon; You cook food in the|kitchen; You borrow
books from the|library; You buy bread at the|bakery; A king lives in a|castle; You take a photo with a|camera; You
sweep the floor with a|broom; You keep food cold in a|refrigerator; You look at yourself in the|mirror; You wash your
hands with|soap; A carpenter works with|wood; The sun rises in the|east; You put a stamp on a|letter; You row a|boat;
You cross a river on a|bridge; You hear with your|ears; A baker makes|bread; A fisherman catches|fish; You play chess
on a|board; You keep your money in a|bank; Rain falls from the|clouds; A doctor works in a|hospital; You light a
candle with a|match
"""
REMARKS = """
I cannot sleep.|Try to read a book.; My phone is dead.|You should charge it.; I am hungry.|You could eat an apple.; It
is raining.|Take an umbrella with you.; I lost my wallet.|Call your bank at once.; My back hurts.|You should rest for
a while.; I am bored.|Why not go for a walk?; The soup is too hot.|Let it cool a little.; I have a cold.|Drink some
hot tea.; I missed the bus.|Wait for the next one.; My plant is dying.|Give it some water.; I feel lonely.|You could
call a friend.; The room is dark.|Turn on the light.; I am always late.|Set your alarm earlier.; The baby cries.|She
may be hungry.; My bike is broken.|Take it to a shop.; I failed the test.|You can try again.; I hate my job.|Look for
a new one.; My shoes are wet.|Put them near the stove.; I forgot her name.|Just ask her again.; The milk is
sour.|Throw it away.; I spilled the wine.|Put some salt on it.; My head aches.|Drink a glass of water.; I am
nervous.|Take a deep breath.; It is too loud.|Close the window.; I need money.|You could sell your car.; I have no
time.|Make a list of tasks.; My dog ran away.|Ask all your neighbors.; I broke a plate.|Sweep up the pieces.; I am
cold.|Put on a sweater.; The door is stuck.|Try to push harder.; I want to learn French.|Find a good teacher.; My eyes
are tired.|Take a short break.; I burned my hand.|Hold it under cold water.; The car won't start.|Check the battery
first.; I got lost.|Look at the map.; My cat is fat.|Feed it a little less.; I lost the game.|You will win next time.;
I am thirsty.|Have a glass of juice.; My tea is bitter.|Add some sugar to it.; The train is full.|Take a later one.; I
cannot cook.|Start with simple dishes.
"""


def _cut(text: str) -> tuple[Sample, ...]:
    parts = (entry.split("|") for entry in text.replace("\n", " ").strip().split("; "))
    return tuple((before.strip(), f" {after.strip()}") for before, after in parts)


@cache
def statements() -> tuple[Sample, ...]:
    """Return the beginnings of plain statements with their last word, without the stop."""
    return _cut(STATEMENTS)


@cache
def remarks_with_advice() -> tuple[Sample, ...]:
    """Return remarks of a user with a short piece of advice."""
    return tuple((f"User: {remark}\nAssistant:", advice) for remark, advice in _cut(REMARKS))
