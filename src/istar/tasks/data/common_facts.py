"""Facts of common knowledge, several ways to state each, and several ways to ask for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """Facts of one kind.

    Attributes:
        pairs: subjects, with their article where they have one, and answers of one word.
        statements: parts of sentences with places for `{subject}` and `{answer}`, the answer last.
        questions: sentences that ask for the answer, with a place for `{subject}`.
    """

    pairs: tuple[tuple[str, str], ...]
    statements: tuple[str, ...]
    questions: tuple[str, ...]

    @property
    def answers(self) -> tuple[str, ...]:
        """All answers, each once."""
        return tuple(dict.fromkeys(answer for _, answer in self.pairs))


def _pairs(text: str, article: str = "") -> tuple[tuple[str, str], ...]:
    found = (each.rpartition(":") for each in text.replace("\n", " ").split(";"))
    return tuple((article + subject.strip(), answer.strip()) for subject, _, answer in found)


def sentence(text: str) -> str:
    """Return a part of a sentence as a whole one: with a capital, and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


LANDMARKS = """
Eiffel Tower: France; Colosseum: Italy; Taj Mahal: India; Great Wall: China; Kremlin: Russia; Acropolis: Greece;
Alhambra: Spain; Brandenburg Gate: Germany; Blue Mosque: Turkey; Louvre: France; Tower of Pisa: Italy; Tower of London:
England; Great Pyramid: Egypt; Sphinx: Egypt; Forbidden City: China; Parthenon: Greece; Sydney Opera House: Australia;
Palace of Versailles: France; Grand Canal of Venice: Italy; Bolshoi Theatre: Russia; Berlin Wall: Germany; city of
Kyoto: Japan; city of Mumbai: India; city of Toronto: Canada; city of Naples: Italy; city of Munich: Germany; city of
Barcelona: Spain; city of Shanghai: China; city of Istanbul: Turkey; city of Warsaw: Poland; city of Lyon: France; city
of Osaka: Japan; city of Dublin: Ireland; city of Zurich: Switzerland; city of Lisbon: Portugal; city of Melbourne:
Australia
"""
PROFESSIONS = """
Wolfgang Mozart: composer; Ludwig van Beethoven: composer; Johann Sebastian Bach: composer; Franz Schubert: composer;
Pablo Picasso: painter; Vincent van Gogh: painter; Claude Monet: painter; Rembrandt: painter; William Shakespeare:
writer; Charles Dickens: writer; Mark Twain: writer; Jane Austen: writer; Leo Tolstoy: writer; Isaac Newton: scientist;
Albert Einstein: scientist; Charles Darwin: scientist; Marie Curie: scientist; Galileo Galilei: scientist; Plato:
philosopher; Aristotle: philosopher; Socrates: philosopher; Immanuel Kant: philosopher; Elvis Presley: singer; Frank
Sinatra: singer; Michael Jackson: singer; Bob Marley: singer; Abraham Lincoln: president; George Washington: president;
Franklin Roosevelt: president; John Kennedy: president
"""
LANGUAGES = """
France: French; Germany: German; Austria: German; Spain: Spanish; Mexico: Spanish; Argentina: Spanish; Chile: Spanish;
Cuba: Spanish; Italy: Italian; Portugal: Portuguese; Brazil: Portuguese; Russia: Russian; China: Chinese; Japan:
Japanese; Egypt: Arabic; Iraq: Arabic; Syria: Arabic; Greece: Greek; Sweden: Swedish; Poland: Polish; Turkey: Turkish;
Norway: Norwegian; Denmark: Danish; Finland: Finnish; Hungary: Hungarian; Thailand: Thai; Vietnam: Vietnamese; England:
English; Australia: English
"""
YOUNG = """
dog: puppy; cat: kitten; cow: calf; sheep: lamb; horse: foal; bear: cub; lion: cub; duck: duckling; goose: gosling; pig:
piglet; frog: tadpole; goat: kid; swan: cygnet; deer: fawn; hen: chick; tiger: cub; elephant: calf; whale: calf; wolf:
pup; seal: pup; fox: cub; butterfly: caterpillar; kangaroo: joey; eagle: chick
"""
COLOURS = """
bananas: yellow; grass: green; snow: white; blood: red; coal: black; lemons: yellow; tomatoes: red; milk: white;
emeralds: green; rubies: red; spinach: green; strawberries: red; ravens: black; chocolate: brown; carrots: orange;
pumpkins: orange; cream: white; cherries: red; lettuce: green; ink: black; chalk: white; sapphires: blue; rust: brown;
salt: white
"""
CONTINENTS = """
France: Europe; Germany: Europe; Spain: Europe; Poland: Europe; Sweden: Europe; Greece: Europe; China: Asia; Japan:
Asia; India: Asia; Thailand: Asia; Vietnam: Asia; Pakistan: Asia; Egypt: Africa; Nigeria: Africa; Kenya: Africa; Ghana:
Africa; Ethiopia: Africa; Morocco: Africa
"""

FACTS = {
    "landmarks": Facts(
        _pairs(LANDMARKS, "the "),
        (
            "{subject} is in {answer}",
            "{subject} is located in {answer}",
            "{subject} can be visited in {answer}",
            "the country of {subject} is {answer}",
            "whoever wants to see {subject} must travel to {answer}",
            "{subject} has always been in {answer}",
        ),
        (
            "In which country is {subject}?",
            "Where is {subject}?",
            "What country do you travel to if you want to see {subject}?",
            "{subject} is in which country?",
            "Name the country of {subject}.",
            "Which country has {subject}?",
            "A friend sent me a picture of {subject}; in what country was that?",
            "For a trip to {subject}, which country should I book?",
        ),
    ),
    "professions": Facts(
        _pairs(PROFESSIONS),
        (
            "{subject} was a {answer}",
            "{subject} worked as a {answer}",
            "{subject} became famous as a {answer}",
            "the profession of {subject} was that of a {answer}",
            "everybody remembers {subject} as a {answer}",
            "for a whole life {subject} was a {answer}",
        ),
        (
            "What was the profession of {subject}?",
            "What did {subject} work as?",
            "As what is {subject} remembered?",
            "{subject} was famous as what?",
        ),
    ),
    "languages": Facts(
        _pairs(LANGUAGES),
        (
            "people in {subject} speak {answer}",
            "the language of {subject} is {answer}",
            "most newspapers in {subject} are written in {answer}",
            "children in {subject} grow up with {answer}",
        ),
        (
            "What language do people speak in {subject}?",
            "Which language is spoken in {subject}?",
            "In {subject}, what language do people speak?",
            "Name the language of {subject}.",
            "What is the main language of {subject}?",
            "If I travel to {subject}, which language will I hear?",
            "Tell me which language the people of {subject} speak.",
            "What language are the newspapers of {subject} written in?",
            "Children who grow up in {subject} learn to speak what language first?",
            "For a job in {subject}, which language should one learn?",
        ),
    ),
    "young": Facts(
        _pairs(YOUNG, "the "),
        (
            "the young of {subject} is called a {answer}",
            "the baby of {subject} is a {answer}",
            "before it grows up, {subject} is called a {answer}",
            "what grows up to be {subject} is a {answer}",
        ),
        (
            "What is the young of {subject} called?",
            "What do we call the baby of {subject}?",
            "Which word means the young of {subject}?",
            "Name the young of {subject}.",
            "What is {subject} called before it grows up?",
            "Before it is grown, {subject} is called what?",
            "Tell me the word for the baby of {subject}.",
            "How is the child of {subject} called in English?",
            "If {subject} has a baby, what is the baby?",
            "What grows up to be {subject}?",
        ),
    ),
    "colours": Facts(
        _pairs(COLOURS),
        ("the color of {subject} is {answer}", "whoever thinks of {subject} thinks of the color {answer}"),
        ("What is the color of {subject}?", "Which color comes to mind with {subject}?"),
    ),
    "continents": Facts(
        _pairs(CONTINENTS),
        ("{subject} is a country in {answer}", "on the map {subject} belongs to {answer}"),
        ("On which continent is {subject}?", "Which continent is {subject} a part of?"),
    ),
}
"""Facts by kind."""
