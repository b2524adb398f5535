import json
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from istar.errors import UnknownNameError
from istar.questions import (
    INTERVENTIONS,
    Column,
    Entropy,
    FineTune,
    Intervention,
    InterventionError,
    LogitBias,
    Question,
    QuestionError,
    Run,
    SpanLogprob,
    Steer,
    Structure,
    StructureError,
    UpperTail,
    WeightNoise,
    intervention_from_json,
    question_from_json,
    run_from_json,
    structure_from_json,
    view_from_json,
)


@INTERVENTIONS.register("test_shift")
@dataclass(frozen=True)
class Shift(Intervention):
    kind: ClassVar[str] = "test_shift"
    layers: tuple[int, ...]
    strength: float = 1.0


def question():
    runs = (
        Run((0, 1, 2), SpanLogprob(1)),
        Run((0, 1, 3), Entropy(), Shift((1, 2))),
        Run((0, 4), SpanLogprob(1, mean=True)),
    )
    structure = Structure((Column("sequence", "nuisance", (0, 1, 2)), Column("length", "covariate", (3, 3, 2))))
    return Question("loss_quantile/reviews", 4, runs, structure, UpperTail(0.9))


class TestQuestion:
    def test_json_round_trip_keeps_the_hash(self):
        again = question_from_json(json.loads(json.dumps(question().to_json())))
        assert again == question()
        assert again.hash == question().hash
        assert len(again.hash) == 64

    def test_the_hash_depends_on_every_part(self):
        base = question()
        changed = [
            replace(base, task="loss_quantile/other"),
            replace(base, index=5),
            replace(base, functional=UpperTail(0.99)),
            replace(base, runs=(replace(base.runs[0], tokens=(0, 1, 4)), *base.runs[1:])),
            replace(base, runs=(replace(base.runs[0], readout=SpanLogprob(2)), *base.runs[1:])),
            replace(base, runs=(base.runs[0], replace(base.runs[1], intervention=None), base.runs[2])),
            replace(base, runs=(base.runs[0], replace(base.runs[1], intervention=Shift((1,))), base.runs[2])),
            replace(base, structure=Structure((base.structure.columns[0], Column("length", "covariate", (3, 3, 9))))),
            replace(base, structure=Structure((base.structure.columns[0], Column("size", "covariate", (3, 3, 2))))),
            replace(base, structure=Structure((base.structure.columns[0], Column("length", "trait", (3, 3, 2))))),
        ]
        hashes = {each.hash for each in (base, *changed)}
        assert len(hashes) == 1 + len(changed)

    def test_token_boundaries_are_part_of_the_hash(self):
        base = question()
        runs = (replace(base.runs[0], tokens=(0, 1, 2, 0)), replace(base.runs[1], tokens=(1, 3)), base.runs[2])
        assert replace(base, runs=runs).hash != base.hash

    def test_a_view_shows_runs_and_structure_and_nothing_else(self):
        view = question().view
        assert set(view.to_json()) == {"runs", "structure"}
        assert view_from_json(json.loads(json.dumps(view.to_json()))) == view

    def test_the_family_is_the_first_half_of_the_task(self):
        assert question().family == "loss_quantile"

    def test_rows_must_match(self):
        with pytest.raises(QuestionError, match="question 4 of loss_quantile/reviews: 2 runs but 3 structure rows"):
            replace(question(), runs=question().runs[:2])

    def test_a_question_has_runs(self):
        empty = Structure((Column("x", "arm", ()),))
        with pytest.raises(QuestionError, match="question 4 of loss_quantile/reviews has no runs"):
            replace(question(), runs=(), structure=empty)


class TestInterventions:
    @pytest.mark.parametrize("strength", [float("nan"), float("inf")])
    @pytest.mark.parametrize(
        "made",
        [
            lambda strength: Steer((0, 1), (0, 2), strength, 0.5),
            lambda strength: FineTune(((0, 1),), (1,), strength),
            lambda strength: WeightNoise(0, strength),
            lambda strength: LogitBias((1,), strength),
        ],
        ids=["steer", "fine_tune", "weight_noise", "logit_bias"],
    )
    def test_strengths_are_finite(self, made, strength):
        with pytest.raises(InterventionError, match=rf"is {strength}; give a finite number"):
            made(strength)

    @pytest.mark.parametrize(
        "made",
        [
            lambda: Steer((0, -1), (0, 2), 1.0, 0.5),
            lambda: FineTune(((0, -1),), (1,), 0.1),
            lambda: LogitBias((1, -1), 2.0),
        ],
        ids=["steer", "fine_tune", "logit_bias"],
    )
    def test_tokens_are_not_counted_from_the_end(self, made):
        with pytest.raises(InterventionError, match="names token -1; tokens are numbered from 0"):
            made()

    def test_steering_needs_two_prompts(self):
        with pytest.raises(InterventionError, match="needs two prompts of a token at least"):
            Steer((), (0,), 1.0, 0.5)

    def test_json_round_trip(self):
        shift = Shift((3, 1), 0.5)
        assert intervention_from_json(json.loads(json.dumps(shift.to_json()))) == shift
        run = question().runs[1]
        assert run_from_json(json.loads(json.dumps(run.to_json()))) == run

    def test_the_key_is_canonical(self):
        assert Shift((1, 2)).key == Shift((1, 2), 1.0).key != Shift((2, 1)).key

    def test_an_unknown_kind_is_an_error(self):
        with pytest.raises(UnknownNameError, match="no intervention is called 'nothing_like_it'"):
            intervention_from_json({"kind": "nothing_like_it"})


class TestStructure:
    STRUCTURE = question().structure

    def test_json_round_trip(self):
        assert structure_from_json(json.loads(json.dumps(self.STRUCTURE.to_json()))) == self.STRUCTURE

    def test_columns_by_name_role_and_selection(self):
        assert self.STRUCTURE.rows == 3
        assert self.STRUCTURE["length"].tolist() == [3, 3, 2]
        assert self.STRUCTURE.levels("sequence").dtype == np.int64
        assert [column.name for column in self.STRUCTURE.of("covariate")] == ["length"]
        for keep in (np.array([0, 2]), np.array([True, False, True])):
            assert self.STRUCTURE.take(keep)["length"].tolist() == [3, 2]

    def test_a_missing_column_names_those_there_are(self):
        with pytest.raises(StructureError, match=r"no column 'depth'; there are \['sequence', 'length'\]"):
            self.STRUCTURE["depth"]

    @pytest.mark.parametrize(
        ("role", "values", "message"),
        [
            ("switch", (0, 2), "is a switch and may hold only 0 and 1"),
            ("arm", (0, -1), "is a arm and may hold only whole numbers from 0"),
            ("trait", (0, 0.5), "is a trait and may hold only whole numbers"),
            ("nuisance", (0, -2), "is a nuisance and may hold only whole numbers"),
            ("covariate", (0, float("nan")), "holds values that are not finite"),
            ("colour", (0, 1), "role 'colour' is none of arm, trait, switch, nuisance, covariate, sealed"),
            ("sealed", (0, 3), "is sealed and may hold only 0 and 1"),
        ],
    )
    def test_values_must_fit_the_role(self, role, values, message):
        with pytest.raises(StructureError, match=message):
            Column("x", role, values)

    def test_names_are_unique_and_lengths_equal(self):
        column = Column("x", "arm", (0, 1))
        with pytest.raises(StructureError, match="two structure columns share a name"):
            Structure((column, column))
        with pytest.raises(StructureError, match="differ in length"):
            Structure((column, Column("y", "arm", (0,))))
        with pytest.raises(StructureError, match="there are none"):
            Structure(())
