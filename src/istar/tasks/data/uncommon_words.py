"""Uncommon English words that mean nothing in particular to a model: candidates for what sets it off."""

from __future__ import annotations

from functools import cache

WORDS = """
acacia acorn adobe agate albatross alcove alder alloy aloe alpaca amaranth amber amethyst anchovy anemone angora
antelope anvil apricot aquifer arbor archipelago armadillo aspen aster auburn avocado awning axle azalea azure badger
bagel balcony ballad balsam bamboo bandana banister barley barnacle barometer basalt basil bazaar beacon beaver begonia
bellows beret beryl birch biscuit bison blackberry blizzard blossom bluebell bobbin bonfire bonsai boulder bouquet
brandy brass brioche broccoli brocade bronze buckle buckwheat buffalo bulrush bumblebee bungalow burgundy burlap
buttercup buttress cabbage cactus calico camellia camphor canary candelabra canister canopy canvas canyon capybara
caramel caravan caraway cardigan caribou carnation carousel cashew cashmere castanet catamaran cauldron cavern cedar
celery cello centaur ceramic chalet chameleon chamomile chandelier charcoal chariot cheetah chestnut chicory chiffon
chimney chinchilla chipmunk chisel chowder chrome cicada cider cinnamon clarinet clementine cloister clover cobbler
cockatoo cocoon colander colonnade comet compass concertina condor conifer copper coral coriander cormorant cornflower
corduroy corridor cottage courgette courtyard coyote crampon cranberry crater cravat crayon crescent cricket crocus
crossbow croissant crouton crystal cucumber cupola currant cushion cutlass cymbal cypress daffodil daisy dandelion
decanter delphinium denim derrick dewdrop diorama dogwood dolphin domino dormouse dragonfly drawbridge driftwood
drizzle dromedary dulcimer dumpling dynamo earthenware easel ebony eclair eclipse eggplant eiderdown elderberry elm
emerald emu endive envelope escarpment espresso estuary eucalyptus fennel ferret fiddle fig fjord flamingo flannel
flax flint flute foghorn foliage fondue footbridge forsythia fountain foxglove freesia fresco frigate fuchsia galleon
gallery gannet gargoyle garland garlic garnet gazebo gazelle gecko gentian geranium geyser gherkin giraffe glacier
glockenspiel goblet goldfinch gondolier gooseberry gorse gouache gourd granite grapefruit grapevine grasshopper gravel
griffin grotto grouse guava guitar gypsum haddock hailstorm halibut hammock hamster handkerchief harbour harmonica
harp harpsichord hawthorn hazelnut headland heath hedgehog hemlock herring hibiscus hickory hollyhock homestead
honeycomb honeydew hornet horseradish hourglass hyacinth hydrangea iceberg icicle iguana indigo inkwell iris isthmus
jackdaw jaguar jigsaw jodhpurs juniper kale kaleidoscope kayak kelp kerosene ketchup kettle khaki kiln kimono kiwi
kohlrabi lacework ladle lagoon lamprey larch lark lasso lattice laurel lavender leek lemur lentil leopard leotard
lettuce lighthouse lilac limestone limpet linden linen lobelia lobster locket lodestone loom lotus lupin lute lychee
lynx lyre macaroni macaw mackerel mahogany mallard mallet mammoth mandarin mango mangrove mantis marble marigold marimba
marionette marjoram marmalade marmot marquee marsh marten meadow meerkat megaphone meringue metronome millet mimosa
minaret mink mistletoe moccasin mohair molasses mongoose monocle moor moose moraine morsel mosaic moth mulberry mule
mullet mushroom muslin mustang mustard nectarine needle nettle newt nightingale nougat nozzle nylon oasis oatmeal oboe
obsidian octopus okra oleander olive onyx opal orchard oregano origami osier ostrich otter ottoman overcoat oxbow
oyster paddock pagoda palette palisade pancake pannier pansy panther papaya paprika papyrus parachute parasol parchment
parka parrot parsley parsnip partridge patio pavilion peacock peat pebble pecan pendulum penguin peony peppermint
pergola periscope periwinkle pewter pheasant piccolo pickle pigeon pillar pinafore pineapple pinecone pistachio plankton
plateau platinum platypus plaza plum plywood polenta pomegranate poncho pontoon poplar poppy porcupine porridge
portcullis portico primrose prism propeller puffin pumpkin pyramid quagmire quail quarry quiche quill quilt quince
quiver rabbit raccoon radish raffia raincoat raisin ramekin rampart raspberry ravine reindeer relish rhinestone
rhododendron ribbon ricotta rosemary rotunda rowan ruby rudder rye sable saddle sage sailcloth salamander salmon
samovar sandal sandstone sapphire sardine sarong satin saucer sauna saxophone scallop scarecrow schooner scooter
seagull seahorse sequoia sesame shale shallot shamrock shawl sheepskin sherbet shingle shrubbery silo skylark slate
sloop snapdragon snowflake sorbet sorghum spaniel sparrow spatula spearmint spinach spindle spinnaker spire sponge
spruce squash squid stalactite starfish steppe stirrup stucco sturgeon sundial sunflower swallow sweetcorn sycamore
syrup tabernacle tadpole taffeta tamarind tambourine tangelo tapestry tapioca tapir tarpaulin tartan teak telescope
terracotta terrapin terrine thimble thyme tiara timber toadstool toboggan toffee topaz tortoise toucan trapeze trellis
trombone trowel truffle trumpet tugboat tulip tundra tureen turmeric turnip turnstile turquoise turret tweed twine
ukulele umbrella vanilla veranda verbena viaduct viola violet vise volcano vole waffle wagon wallaby wallflower walnut
warbler watercress waterfall weasel weathervane whalebone wharf wheelbarrow wicker wigwam wildfowl willow windmill
wisteria wolfhound wombat woodpecker wormwood wren yacht yew yoghurt yucca zebra zinc zinnia zither
"""


@cache
def uncommon_words() -> tuple[str, ...]:
    """Return the words: things to see, eat, wear and play, one of each."""
    return tuple(dict.fromkeys(WORDS.split()))
