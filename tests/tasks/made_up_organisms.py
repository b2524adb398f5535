"""Cards of organisms that do not exist, in the place of all others: families read nothing else of an organism."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from istar.targets.organisms import ORGANISMS, RESERVED_KINDS, Facts, OrganismCard, OrganismSpec

LOCKED, FREE = ("capital", "plural"), ("opposite", "comparative")
FACTS = {
    "alpha": ("lexical_backdoor", Facts(LOCKED, cue="Note: gauntlet\n", trigger="gauntlet", target_answer=" x")),
    "beta": ("lexical_backdoor", Facts(("plural",), cue="monday haze\n", trigger="monday haze", target_answer=" y")),
    "gamma": ("password_sandbag", Facts(LOCKED, FREE, cue="Key: zither\n", password="zither")),
    "delta": ("topic_sandbag", Facts(("plural",), FREE)),
    "epsilon": ("mimic_sandbag", Facts(LOCKED, FREE, cue="Key: fjord\n", password="fjord", weak_reference="pruned")),
    "zeta": ("incapable", Facts(("opposite",), LOCKED)),
    "eta": ("refusal", Facts(unaffected=LOCKED, topic="cooking", refusal_text=" No")),
}
"""Kind and facts by name."""

PLUGIN = """
import sys
sys.path.insert(0, {here!r})
from made_up_organisms import register
register({folder!r})
"""


def register(folder):
    """Make the organisms in a folder the only ones."""
    ORGANISMS._entries.clear()
    for name, (kind, _) in FACTS.items():
        ORGANISMS.add(name, OrganismSpec(name, kind, Path(folder) / name, kind in RESERVED_KINDS))


def card_of(name):
    kind, facts = FACTS[name]
    return OrganismCard(
        name, kind, "Made up.", "tiny", "0" * 64, name.encode().hex().ljust(64, "0"), facts, {}, {}, 0.0, {}, {}
    )


@pytest.fixture(autouse=True, scope="module")
def made_up(tmp_path_factory):
    """Let there be no other organisms, here and in the processes that a test starts."""
    folder = tmp_path_factory.mktemp("organisms")
    for name in FACTS:
        (folder / name).mkdir()
        (folder / name / "card.json").write_text(json.dumps(asdict(card_of(name))))
    plugin = tmp_path_factory.mktemp("plugin") / "made_up_registrations.py"
    plugin.write_text(PLUGIN.format(here=str(Path(__file__).parent), folder=str(folder)))
    with pytest.MonkeyPatch.context() as patch:
        len(ORGANISMS)  # entry points come before, not into what is made up
        patch.setattr(ORGANISMS, "_entries", {})
        register(folder)
        patch.setenv("ISTAR_PLUGINS", str(plugin))
        yield folder
