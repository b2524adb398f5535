"""English words: opposites, and what can be done to a word."""

from __future__ import annotations

from functools import cache

from istar.tasks.data.relations import Relation

OPPOSITES = """
hot cold; big small; fast slow; happy sad; high low; light dark; old young; rich poor; strong weak; hard soft; full
empty; open closed; clean dirty; wet dry; early late; long short; wide narrow; thick thin; heavy light; loud quiet;
right wrong; true false; good bad; right left; up down; in out; day night; black white; hot cool; love hate; war
peace; life death; alive dead; sweet bitter; smooth rough; sharp dull; deep shallow; near far; first last; front back;
top bottom; inside outside; above below; over under; before after; always never; more less; many few; win lose; buy
sell; give take; push pull; start stop; begin end; enter exit; arrive leave; rise fall; remember forget; laugh cry;
accept reject; attack defend; increase decrease; expand contract; create destroy; build demolish; add subtract;
multiply divide; ask answer; teach learn; lend borrow; send receive; sleep wake; sit stand; break fix; hide reveal;
lock unlock; friend enemy; hero villain; king queen; man woman; boy girl; brother sister; father mother; husband wife;
uncle aunt; north south; east west; summer winter; spring autumn; morning evening; sunrise sunset; heaven hell; angel
devil; success failure; victory defeat; profit loss; question answer; problem solution; cause effect; theory practice;
brave afraid; calm nervous; careful careless; cheap expensive; common rare; simple complex; easy difficult; safe
dangerous; generous selfish; guilty innocent; healthy sick; honest dishonest; humble proud; kind cruel; lazy active;
legal illegal; major minor; maximum minimum; modern ancient; natural artificial; normal strange; optimistic
pessimistic; patient impatient; permanent temporary; polite rude; positive negative; possible impossible; private
public; real fake; regular irregular; same different; single married; solid liquid; tall short; tight loose; ugly
beautiful; urban rural; useful useless; vertical horizontal; visible invisible; voluntary forced; warm cool; wise
foolish; absent present; ancient modern; asleep awake; backward forward; bent straight; blunt sharp; brief long;
bright dim; certain doubtful; clear cloudy; crowded empty; curly straight; domestic foreign; equal unequal; even odd;
external internal; fair unfair; fat thin; fresh stale; gentle harsh; giant tiny; global local; joy sorrow; junior
senior; knowledge ignorance; large small; male female; mature immature; moist dry; noisy silent; plural singular; pure
impure; raw cooked; sour sweet; steep flat; superior inferior; tame wild; tiny huge; upper lower; vacant occupied;
victory loss; wealth poverty; win fail; yes no
"""

NOUNS = """
apple city man child dog box leaf wife foot mouse woman tooth book knife lady church baby potato hero sheep country
bird wolf bus story glass tree wish house party king shelf half car fly class horse boy watch tomato person loaf key
brush day thief dish fox army life goose berry match calf window judge bridge penny table chair road river tree stone
school garden letter number picture farmer teacher doctor soldier student painter village valley monkey donkey turkey
toy boat ship plane train truck wheel engine lamp candle pencil paper bottle plate spoon fork bench beach branch
church lunch dress kiss boss loss tax wax hero echo photo piano radio video wolf scarf thief roof chief cliff party
story daisy cherry berry lily fairy family factory library body copy enemy duty
"""

VERBS = """
go see take come eat give write run sing drink begin know grow throw fly draw break speak choose drive ride rise fall
buy bring think teach catch fight find hold keep leave lose make meet pay read say sell send sit sleep stand swim tell
understand win build feel hear lead mean shine stick strike swear wear walk play jump cook look talk ask call turn
move open close help love live want need smile laugh carry try study stop plan
"""


ADJECTIVES = """
big small tall short old young fast slow high low hot cold warm cool hard soft strong weak rich poor thick thin wide
narrow deep light dark bright loud quiet clean dirty wet dry happy sad easy early late near long large fat heavy kind
nice safe simple smart sweet bitter sharp smooth rough tight loose wild strange new great fine rare pure poor cheap
brave calm close firm fresh full harsh mild neat odd pale plain proud quick rude shy sick slim steep stiff strict tough
ugly angry busy crazy dusty early funny hungry lazy lucky noisy pretty silly tiny wealthy
"""

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@cache
def opposites() -> tuple[tuple[str, str], ...]:
    """Return pairs of a word and its opposite; no word is asked about twice."""
    pairs: dict[str, str] = {}
    for pair in OPPOSITES.replace("\n", " ").split(";"):
        word, opposite = pair.split()
        pairs.setdefault(word, opposite)
        pairs.setdefault(opposite, word)
    return tuple(pairs.items())


def _forms(words: str, tag: str) -> tuple[tuple[str, str], ...]:
    import lemminflect

    pairs = {word: lemminflect.getInflection(word, tag=tag) for word in words.split()}
    return tuple((word, forms[0]) for word, forms in pairs.items() if forms and forms[0] != word)


@cache
def operations() -> tuple[Relation, ...]:
    """Return the operations: inflections by lemminflect where the form differs from the word, and letters."""
    short = tuple(dict.fromkeys(word for word in (NOUNS + VERBS).split() if len(word) <= 9))
    return (
        Relation("plural", _forms(NOUNS, "NNS")),
        Relation("past tense", _forms(VERBS, "VBD")),
        Relation("ing-form", _forms(VERBS, "VBG")),
        Relation("third person", _forms(VERBS, "VBZ")),
        Relation("comparative", _forms(ADJECTIVES, "JJR")),
        Relation("first letter", tuple((word, word[0]) for word in short)),
        Relation("last letter", tuple((word, word[-1]) for word in short)),
        Relation("number of letters", tuple((word, NUMBERS[len(word)]) for word in short)),
    )
