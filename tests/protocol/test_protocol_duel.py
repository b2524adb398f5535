"""The duel's loop on moves and methods that are made up: who pays whom, who learns what, and going on after a kill."""

from dataclasses import replace

import numpy as np
import pytest

from istar.duel.detection import Scores
from istar.duel.players import PARTS, LearningFileBlue, LearningRed
from istar.ledger import Ledger, RunConfig
from istar.methods.loading import source_hash
from istar.methods.side_by_side import MethodFile
from istar.protocol.book import Book
from istar.protocol.duel import Duel, Made, Verdict
from istar.protocol.duel_outcome import outcome_of
from istar.protocol.duel_settings import DuelError, DuelFolder, configure_duel
from istar.protocol.duel_setup import conduct_duel, named, players
from istar.reports.duel import detection_picture, exploitability_picture, page
from istar.seeds import Seed

FILES = {name: MethodFile(f"# {name}\n") for name in ("one", "two", "three", "four")}
KINDS = {"shown": ("password", "backdoor"), "held out": ("topic", "mimic")}
CONFIG = configure_duel(rounds=3, forfeit=0.5, **named(FILES))
RUN = RunConfig("target-id", "made-up", "v1", "duel", "statistician", "log", 0, {})


class MadeUpCourt:
    """Moves of 6 blocks miss a claim; a method named `two` fails on held-out kinds; the rest is by hashes."""

    def __init__(self, kill_after=None):
        self.kill_after, self.calls, self.heard = kill_after, 0, []

    def _count(self):
        self.calls += 1
        if self.calls == self.kill_after:
            raise KeyboardInterrupt

    def make(self, recipe):
        self._count()
        missed = "accuracy, locked: 0.900 <= 0.300 MISSED" if recipe.layers == 6 else ""
        return Made(recipe, f"suspect-{recipe.hash[:12]}", ("suspect-decoy",), recipe.hash, 30, missed)

    def sit(self, moves, hear):
        self.moves = moves
        assert not any(made.missed for each in moves.values() for made in each)
        hear(self)

    def hear(self, number, part, method):
        self._count()
        self.heard.append((number, part, method.name))
        if method.name == "two" and part == "held out":
            return Verdict(failure="it divided by zero")
        paid = {made.recipe.hash: self.paid(made.recipe.hash, method.hash) for made in self.moves[number, part]}
        scores = tuple((move, Scores((abs(amount),), (0.1, 0.2))) for move, amount in paid.items())
        return Verdict(paid, scores)

    def without(self, number, part):
        return tuple((made.recipe.hash, Scores((0.3,), (0.1, 0.2))) for made in self.moves[number, part])

    @staticmethod
    def paid(move, method):
        return int(move[:4], 16) % 97 / 97 - int(method[:4], 16) % 89 / 178


def fight(where, court=None, config=CONFIG):
    court = court or MadeUpCourt()
    with Ledger(where) as ledger:
        ledger.open_run("run", RUN, versions={}, machine={})
        red, blue = players(config, FILES)
        fought = Duel(config, red=red, blue=blue, court=court, book=Book(ledger, "run")).run()
        return fought, list(ledger.export("run")), court


@pytest.fixture(scope="module")
def fought():
    return fight("sqlite://")


def test_red_pays_what_blue_earns_a_forfeit_for_a_missed_claim_and_is_paid_when_a_method_fails(fought):
    found, _, court = fought
    methods = {hash_: method for part in PARTS for hash_, method in found.methods[part].items()}
    seen = set()
    for part in PARTS:
        for move, made in found.moves[part].items():
            for method, proposal in methods.items():
                paid = found.paid[move, method]
                if made.missed:
                    seen.add("forfeit")
                    assert paid == 0.5
                elif proposal.name == "two" and part == "held out":
                    seen.add("failure")
                    assert paid == -0.5
                else:
                    assert paid == pytest.approx(court.paid(move, method))
    assert "forfeit" in seen
    assert ("failure" in seen) == ("two" in {method.name for method in methods.values()})


def test_blue_learns_from_shown_kinds_alone_and_red_from_shown_methods_alone(fought):
    found, _, _ = fought
    for one in found.rounds:
        last = one.number + 1 == len(found.rounds)
        after = found if last else found.rounds[one.number + 1]
        methods = [one.methods[part][0].choice.hash for part in PARTS]
        earned = [[one.paid[made.recipe.hash, method] for made in one.sound("shown")] for method in methods]
        told = after.blue.learner.rewards[len(one.blue.learner.rewards) :]
        assert told == pytest.approx([np.mean(each) for each in earned if each])
        mine = after.red.learner.rewards[len(one.red.learner.rewards) :]
        shown = one.methods["shown"][0].choice.hash
        expected = [-one.paid[made.recipe.hash, shown] for part in PARTS for made in one.made[part]]
        assert mine == pytest.approx(expected)


def test_what_blue_is_told_does_not_hang_on_held_out_kinds():
    class Other(MadeUpCourt):
        def hear(self, number, part, method):
            verdict = super().hear(number, part, method)
            if part == "shown" or verdict.failure:
                return verdict
            return replace(verdict, earned={move: paid + 7 for move, paid in verdict.earned.items()})

    config = CONFIG.model_copy(update={"red": "scripted"})
    plain, other = fight("sqlite://", config=config)[0], fight("sqlite://", Other(), config)[0]
    assert plain.paid != other.paid
    assert plain.blue.learner.rewards == other.blue.learner.rewards


def test_a_method_is_heard_on_every_move_and_twice_on_none_of_another_round(fought):
    found, _, court = fought
    methods = {method.name for part in PARTS for method in found.methods[part].values()}
    for one in found.rounds:
        for part in PARTS:
            if one.sound(part):
                assert {name for number, of, name in court.heard if (number, of) == (one.number, part)} == methods


def test_a_duel_repeats_to_the_last_bit(fought):
    again, lines, _ = fight("sqlite://")
    assert lines == fought[1]
    assert outcome_of(CONFIG, again) == outcome_of(CONFIG, fought[0])
    other = fight("sqlite://", config=CONFIG.model_copy(update={"seed": 1}))[1]
    assert other != lines


@pytest.mark.parametrize("kill_after", [1, 3, 6, 11, 17])
def test_a_killed_duel_goes_on_and_ends_as_if_nothing_had_happened(fought, tmp_path, kill_after):
    where = tmp_path / "ledger.sqlite"
    with pytest.raises(KeyboardInterrupt):
        fight(where, MadeUpCourt(kill_after))
    found, lines, _ = fight(where)
    assert lines == fought[1]
    assert outcome_of(CONFIG, found) == outcome_of(CONFIG, fought[0])


def test_the_ledger_says_what_red_did(fought, tmp_path):
    where = tmp_path / "ledger.sqlite"
    fight(where)
    with Ledger(where, read_only=True) as ledger:
        moves = ledger.moves("run")
        assert len(ledger.proposals("run")) == 3 * 2
    assert [(move.round, move.part) for move in moves] == [
        (r, part) for r in range(3) for part in sorted(PARTS) * 1 for _ in "ab"
    ]
    for move in moves:
        assert (move.status == "forfeit") == ("MISSED" in move.reason) == (move.recipe["layers"] == 6)
        assert move.parameters["drawn"]
        assert move.parameters["log_probability"] < 0


def test_the_outcome_has_games_and_curves_and_a_sentence_that_a_page_shows(fought):
    found = outcome_of(CONFIG, fought[0])
    for game in found["games"]:
        assert len(game["exploitability"]) == 1 + CONFIG.rounds
        assert min(game["exploitability"]) >= -1e-12
        assert game["paid"]["low"] <= game["paid"]["value"] <= game["paid"]["high"]
    assert found["verdict"].startswith(("Blue won", "Red won", "Neither won"))
    assert {each["method"] for each in found["detection"]} >= {""}
    shown = page(found)
    assert found["verdict"].partition("(")[0] in shown
    assert "MISSED" in shown or not any(each["forfeit"] for each in found["moves"])
    assert exploitability_picture(found).startswith("<svg")
    assert detection_picture(found).startswith("<svg")


def test_all_moves_lost_is_a_win_by_forfeit():
    class Strict(MadeUpCourt):
        def make(self, recipe):
            return replace(super().make(recipe), missed="KL from the base: 0.9 <= 0.15 MISSED")

    found = outcome_of(CONFIG, fight("sqlite://", Strict())[0])
    assert found["verdict"] == "Blue won by forfeit: no move of red's of a held-out kind keeps its claims."
    assert all(np.allclose(each["paid"], 0.5) for each in found["moves"])
    assert not found["detection"]
    assert detection_picture(found) == ""


def test_policies_move_and_scripts_do_not():
    learnt = fight("sqlite://")[0]
    assert isinstance(learnt.red, LearningRed)
    assert isinstance(learnt.blue, LearningFileBlue)
    assert learnt.red.learner.policy.theta["table"].detach().abs().sum() > 0
    scripted = configure_duel(rounds=3, forfeit=0.5, red="scripted", blue="scripted", **named(FILES))
    found = fight("sqlite://", config=scripted)[0]
    drawn = [made.recipe.kind for one in found.rounds for made in one.made["shown"]]
    assert drawn == ["password", "backdoor"] * 3
    names = [one.methods["shown"][0].choice.name for one in found.rounds]
    assert len(set(names[:2])) == 2
    assert names[2] == names[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shown_kinds": ("bribe",)}, "shown_kinds: bribe is no kind of move; give some of password, topic"),
        ({"held_out_kinds": ()}, "held_out_kinds: none is no kind of move"),
        ({"shown_kinds": ("topic",)}, "topic cannot be shown to blue and held out from it"),
        ({"budget": {"steps": 3}}, "a budget of 3 steps is too small: a move is judged by the losses of 5 in a row"),
        ({"rounds": 0}, "rounds: Input should be greater than 0"),
        ({"forfeit": -1.0}, "forfeit: Input should be greater than 0"),
        ({"budget": {"flops": 3}}, "budget.flops: Extra inputs are not permitted"),
    ],
)
def test_settings_that_no_duel_can_have_are_refused(changes, said):
    with pytest.raises(DuelError, match=said):
        configure_duel(**changes)


def test_other_settings_other_methods_and_other_folders_are_refused(tmp_path):
    folder = DuelFolder(tmp_path / "run")
    folder.begin(CONFIG)
    folder.begin(CONFIG)
    with pytest.raises(DuelError, match=r"has other settings \(differing: rounds, seed\)"):
        folder.begin(CONFIG.model_copy(update={"rounds": 9, "seed": 4}))
    changed = {**FILES, "one": MethodFile("# edited\n")}
    with pytest.raises(DuelError, match="not those of the settings"):
        conduct_duel(folder, CONFIG, changed)
    edited = configure_duel(rounds=3, forfeit=0.5, **named(changed))
    assert edited.sources["one"] == source_hash("# edited\n")
    with pytest.raises(DuelError, match="differing: sources"):
        folder.begin(edited)
    with pytest.raises(DuelError, match=r"is no duel: it has no duel\.json"):
        DuelFolder(tmp_path / "elsewhere").config()
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "config.json").write_text("{}")
    with pytest.raises(DuelError, match="holds a search"):
        DuelFolder(tmp_path / "search").begin(CONFIG)
    (tmp_path / "run" / "duel.json").write_text('{"rounds": "many"}')
    with pytest.raises(DuelError, match="does not hold the settings of a duel"):
        folder.config()


def test_sentences_have_no_script():
    from istar.duel.players import PlayerError

    with pytest.raises(PlayerError, match="no script for sentences"):
        players(configure_duel(blue="scripted"), {})
    assert players(configure_duel(), {})[1].draw("shown", Seed.root(0)).choice.parameters["sentence"]
