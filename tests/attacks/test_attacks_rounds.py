"""What is said of the rounds of new attacks is said of files that are there, and what succeeded once is tried again."""

from collections import Counter

import pytest
from choosing import ATTACKS, ROUNDS, chosen

BY_NAME = {attack.name: attack for attack in ATTACKS}
NAMED = [
    (each["round"], name) for each in ROUNDS["rounds"] for found in each["first successes"] for name in found["attacks"]
]


def test_rounds_count_the_files_that_say_they_belong_to_them():
    counted = Counter(attack.round for attack in ATTACKS if attack.round)
    assert {each["round"]: each["tried"] for each in ROUNDS["rounds"]} == counted
    assert [each["round"] for each in ROUNDS["rounds"]] == sorted(counted)


@pytest.mark.parametrize(("number", "name"), NAMED)
def test_what_succeeded_at_first_is_an_attack_of_its_round(number, name):
    assert BY_NAME[name].round == number


def test_what_is_always_tried_is_never_left_out():
    assert set(ROUNDS["always"]) <= {attack.name for attack in chosen(list(ATTACKS)) if not attack.known_open}


def test_what_is_known_to_be_open_says_so_in_its_round():
    known = {name for each in ROUNDS["rounds"] for found in each["first successes"] for name in found.get("open", ())}
    assert known == {attack.name for attack in ATTACKS if attack.round and attack.known_open}
