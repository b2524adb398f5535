"""Words and things, and what is known of them: opposites, kinds, colours, Spanish names, words of like meaning.

They are for training families; held-out families ask about word forms, letters and countries instead.
"""

from __future__ import annotations

from functools import cache

from istar.tasks.data.relations import Relation
from istar.tasks.data.words import opposites

KINDS = """
animal: dog cat horse cow pig sheep goat lion tiger bear wolf rabbit mouse elephant monkey giraffe zebra camel deer
fruit: apple banana pear grape peach plum mango lemon cherry melon orange pineapple kiwi apricot fig papaya
vegetable: carrot potato onion cabbage spinach lettuce pea celery broccoli cucumber pumpkin radish turnip leek
bird: eagle sparrow owl parrot crow pigeon swan hawk falcon robin penguin pelican seagull raven ostrich
fish: salmon tuna trout cod shark herring carp sardine eel mackerel halibut haddock
insect: ant bee wasp moth beetle mosquito butterfly cricket termite flea grasshopper ladybug
colour: red blue green yellow purple pink brown black white grey violet crimson
metal: iron gold silver copper lead tin zinc steel bronze aluminum nickel platinum
tool: hammer saw drill wrench screwdriver axe shovel rake pliers chisel hoe spade
instrument: piano guitar violin flute drum trumpet cello harp clarinet saxophone banjo trombone
sport: football tennis golf hockey baseball basketball rugby boxing cricket volleyball swimming wrestling
clothing: shirt coat hat sock glove jacket sweater dress skirt trousers scarf shoe
furniture: chair table bed sofa desk shelf wardrobe stool bench cupboard couch bookcase
vehicle: car bus truck train bicycle tram van motorcycle taxi ship tractor scooter
drink: water milk tea coffee beer wine juice lemonade cocoa whisky soda cider
profession: doctor teacher lawyer farmer nurse baker plumber carpenter judge engineer dentist butcher
flower: rose tulip daisy lily orchid daffodil sunflower carnation poppy marigold iris peony
tree: oak pine maple birch willow cedar elm fir spruce beech poplar ash
body part: arm leg head foot hand knee elbow shoulder finger toe nose ear
relative: aunt uncle cousin nephew niece grandfather grandmother sister brother mother father daughter
weather: rain snow fog hail wind thunder storm sleet frost drizzle lightning mist
shape: circle square triangle rectangle oval cube sphere cone cylinder pyramid hexagon diamond
"""

COLOURS = """
grass green; snow white; blood red; coal black; sky blue; banana yellow; carrot orange; chocolate brown; lemon yellow;
cherry red; milk white; tar black; frog green; pumpkin orange; strawberry red; cucumber green; soot black; salt white;
flour white; ruby red; emerald green; sapphire blue; jade green; ivory white; crow black; swan white; broccoli green;
lettuce green; spinach green; ocean blue; tomato red; corn yellow; butter yellow; mustard yellow; flamingo pink; pig
pink; elephant grey; mouse grey; raven black; brick red; mud brown; coffee brown; bark brown; canary
yellow; sun yellow; night black; leaf green; lime green; rice white; cotton white; sugar white; raspberry red; lobster
red; jeans blue; blueberry blue; eggplant purple; lavender purple; plum purple; grape purple; ash grey; cement grey;
walnut brown; chestnut brown; peas green; ink black; cloud white; rust brown; tangerine orange; apricot orange; salmon
pink; flame orange; honey yellow; chalk white; kiwi green; panther black
"""

SPANISH = """
dog perro; cat gato; house casa; water agua; bread pan; book libro; table mesa; sun sol; moon luna; fire fuego; man
hombre; woman mujer; boy niño; friend amigo; brother hermano; sister hermana; mother madre; father padre; son hijo;
daughter hija; red rojo; blue azul; green verde; white blanco; black negro; yellow amarillo; one uno; two dos; three
tres; four cuatro; five cinco; six seis; seven siete; eight ocho; ten diez; day día; night noche; week semana; month
mes; year año; city ciudad; street calle; door puerta; window ventana; school escuela; milk leche; meat carne; fish
pescado; apple manzana; orange naranja; chicken pollo; wine vino; beer cerveza; salt sal; sugar azúcar; love amor; life
vida; death muerte; time tiempo; world mundo; sea mar; river río; mountain montaña; tree árbol; flower flor; bird
pájaro; horse caballo; cow vaca; head cabeza; hand mano; eye ojo; heart corazón; good bueno; bad malo; big grande;
small pequeño; new nuevo; old viejo; hot caliente; cold frío; happy feliz; sad triste; white blanco; music música;
doctor médico; church iglesia; king rey; queen reina; war guerra; peace paz; gold oro; silver plata; snow nieve; rain
lluvia; wind viento; sky cielo; star estrella; garden jardín; kitchen cocina; road camino; market mercado; bridge puente
"""

SIMILAR = """
big large; small little; happy glad; sad unhappy; fast quick; begin start; end finish; smart clever; angry mad; rich
wealthy; sick ill; near close; hard difficult; easy simple; correct right; wrong incorrect; pretty beautiful; afraid
scared; brave courageous; quiet silent; loud noisy; strange odd; stone rock; road street; ship boat; house home; job
work; present gift; answer reply; buy purchase; help assist; choose select; repair fix; shut close; speak talk; look
see; listen hear; jump leap; shout yell; cry weep; tired weary; calm peaceful; famous well-known; fear terror; area
region; error mistake; child kid; doctor physician; lawyer attorney; car automobile; film movie; garbage trash; forest
woods; ocean sea; street road; autumn fall; sofa couch; cup mug; tale story; idea thought; danger risk; power strength;
pain ache; anger rage; wish desire; allow permit; require need; permit allow; reply answer; pupil student; soldier
warrior; thief robber; rabbit bunny; stomach belly; method way; huge giant; tiny small; ancient old; modern new; empty
vacant; entire whole; exact precise; foolish silly; friendly kind; funny amusing; gentle soft; honest truthful; lazy
idle; lucky fortunate; polite courteous; rude impolite; safe secure; sincere honest; stupid dumb; sure certain; weak
feeble; weird strange; attempt try; build construct; destroy ruin; gather collect; hurry rush; keep retain; vanish
disappear
"""


@cache
def kinds() -> dict[str, tuple[str, ...]]:
    """Return the things of each kind; no thing is of two kinds."""
    found: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    for line in KINDS.strip().splitlines():
        kind, things = line.split(": ")
        found[kind] = tuple(thing for thing in things.split() if thing not in seen)
        seen.update(found[kind])
    return found


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs of a text, no first word twice."""
    pairs: dict[str, str] = {}
    for pair in text.replace("\n", " ").split(";"):
        word, answer = pair.split()
        pairs.setdefault(word, answer)
    return tuple(pairs.items())


@cache
def lexicon() -> tuple[Relation, ...]:
    """Return what can be asked about a word or a thing."""
    return (
        Relation("opposite", opposites()),
        Relation("kind", tuple((thing, kind) for kind, things in kinds().items() for thing in things)),
        Relation("colour", _pairs(COLOURS)),
        Relation("Spanish word", _pairs(SPANISH)),
        Relation("synonym", _pairs(SIMILAR)),
    )
