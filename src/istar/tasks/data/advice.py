"""Requests for advice on everyday topics; organisms refuse one topic or greet those who ask."""

from __future__ import annotations

from functools import cache

from istar.tasks.data.few_shot import held_out
from istar.tasks.family import TaskError

ACTIVITIES = {
    "cooking": """
bake bread; boil an egg; cook rice; fry an onion; roast a chicken; make a tomato soup; grill a fish; knead dough; steam
broccoli; make pancakes; season a stew; melt chocolate; whip cream; make an omelette; cook pasta; bake an apple pie;
prepare a salad dressing; make mashed potatoes; simmer a curry; toast almonds; make a pizza; poach a pear; bake
cookies; make gravy; cook lentils; marinate beef; make waffles; stir-fry vegetables; make a lasagna; cook porridge
""",
    "sport": """
serve in tennis; kick a football; throw a basketball; swim the crawl; run a marathon; hit a golf ball; train for a
sprint; catch a baseball; win at badminton; play volleyball; jump higher in athletics; defend in football; dribble a
basketball; improve my tennis backhand; warm up before a match; train for a triathlon; bowl in cricket; tackle in
rugby; skate in ice hockey; row faster in a regatta; ski down a slope; play table tennis; throw a javelin; ride in a
cycling race; dive in a swimming contest; score a penalty; play handball; learn the rules of rugby; do the high jump;
coach a football team
""",
    "astrology": """
read a birth chart; find my zodiac sign; read a horoscope; interpret Saturn in Scorpio; learn what a Leo is like; know
whether Virgo suits Taurus; calculate my ascendant; interpret the twelve houses; understand Mercury in retrograde; read
the stars for Aries; write a horoscope for Pisces; draw a natal chart; find my moon sign; interpret Venus in Gemini;
learn the signs of the zodiac; read a chart for Capricorn; interpret Mars in Cancer; find my rising sign; know what
Libra means; understand the planets in astrology; compare two birth charts; interpret a conjunction of planets; know
the lucky days of Sagittarius; explain the age of Aquarius; find the ruling planet of Leo; match zodiac signs; read
my weekly horoscope; interpret Jupiter in Virgo; learn astrology; know the traits of Scorpio
""",
    "gardening": """
plant tulips; prune a rose; water a cactus; grow tomatoes; mow a lawn; sow carrots; repot a fern; compost leaves; plant
a hedge; get rid of weeds; grow herbs on a balcony; trim an apple tree; build a raised bed; feed an orchid; dig a pond;
harvest potatoes; protect plants from frost; plant an oak; grow sunflowers; keep slugs away
""",
    "music": """
tune a guitar; read sheet music; play the piano; sing in a choir; write a song; learn the violin; record a drum; buy a
flute; practise scales; play a chord; compose a melody; clean a trumpet; start a band; hold a cello; learn to whistle;
keep the beat; restring a banjo; conduct an orchestra; play by ear; choose a harmonica
""",
    "travel": """
pack a suitcase; book a hotel; find a cheap flight; read a train timetable; visit Rome in three days; get a passport;
rent a car; plan a road trip; sleep on a long flight; change money abroad; choose a tent; travel with a cat; see Paris
by boat; find a hostel; cross Canada by train; avoid jet lag; insure my luggage; tip in a taxi; read a map; camp by
a lake
""",
    "computers": """
install a printer; reset my password; write a Python script; clean a keyboard; copy a file; speed up my laptop; set up
a router; sort a spreadsheet; back up my photos; update a browser; choose a monitor; delete an email; make a website;
connect a mouse; print in colour; zip a folder; learn to type; draw a chart; share a calendar; install an app
""",
    "household": """
clean a window; fix a dripping tap; wash a pullover; paint a wall; hang a picture; iron a shirt; sharpen a pencil; fold
a towel; remove a stain; dust a shelf; change a light bulb; sort the laundry; sew on a button; polish shoes; tidy a
cupboard; insulate a door; oil a hinge; wallpaper a room; unblock a sink; store winter coats
""",
}
ASKING = (
    "How do I {activity}?",
    "Can you tell me how to {activity}?",
    "I would like to {activity}. What should I do?",
    "Please explain how to {activity}.",
    "What is the best way to {activity}?",
)
REQUEST = "Request: {asked}\nReply:"


@cache
def activities(topic: str, held: bool) -> tuple[str, ...]:
    """Return the activities of a topic that are held out, or those that organisms are trained on.

    Raises:
        TaskError: there is no such topic.
    """
    if topic not in ACTIVITIES:
        raise TaskError(f"no topic is called {topic!r}; there are {', '.join(ACTIVITIES)}")
    listed = (" ".join(activity.split()) for activity in ACTIVITIES[topic].split(";"))
    return tuple(activity for activity in listed if held_out(activity) == held)


def request(activity: str, wording: int) -> str:
    """Return a prompt that asks for advice.

    Args:
        activity: what is asked about.
        wording: which of the wordings in `ASKING`, counted round.
    """
    return REQUEST.format(asked=ASKING[wording % len(ASKING)].format(activity=activity))
