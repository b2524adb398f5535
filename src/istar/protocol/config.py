"""What decides a search: everything but the code's version and the truth tables. Saved with the run."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from istar.arms.settings import ArmSettings, Caps, Count, Flag, Name, Number, Strict, Whole
from istar.errors import IstarError
from istar.files import read_text, write_whole

CONFIG_FILE = "config.json"


Allowance = Annotated[int, Field(strict=True, ge=0, le=10**6)]
"""How many of something, if any."""


class ConfigError(IstarError):
    """A setting that no search can have."""


class StageSize(Strict):
    """How many questions a stage of the cascade asks."""

    questions: Count
    """Questions of each task, the first ones."""
    tasks: tuple[str, ...] = ()
    """Names of the tasks; empty for all sound tasks of the stage's split."""


class WorkbenchSettings(Strict):
    """What the researcher may try on training questions before it proposes; all of it is counted and shown."""

    checks: Allowance = 1000
    """How many methods it may check on a tiny target."""
    questions: Allowance = 100
    """How many training questions it may score methods on, each counted once for a method."""
    tasks: tuple[str, ...] = ()
    """Training tasks that it is shown beside those that the search trains on; `train` for all."""


class PlateauSettings(Strict):
    """When a search has stopped improving (`istar.protocol.plateau`)."""

    chance: Number = Field(default=0.1, gt=0, lt=1)
    """A search of which each round brings a confirmed improvement with this probability or more"""
    error: Number = Field(default=0.05, gt=0, lt=1)
    """is stopped before the next one with this probability at most."""
    questions: Annotated[int, Field(strict=True, ge=2, le=10**6)] = 2
    """Fresh questions of each training task, which methods that seem better than the incumbent are scored on."""


class SearchConfig(ArmSettings):
    """Settings of one search."""

    target: Name = "smollm2-135m"
    """Name, path or hub id of the target."""
    dtype: Literal["float32", "bfloat16", "float16", "float64"] = "float32"
    """Number format the target runs in."""
    researcher: str = "grammar"
    """Registry name of the researcher, M1."""
    researcher_options: dict[str, Any] = Field(default_factory=dict)
    """Options of the researcher."""
    workbench: WorkbenchSettings = WorkbenchSettings()
    """What the researcher may try before it proposes."""
    reward: str = "log"
    """Registry name of the reward formula, R_t."""
    seed: Whole = Field(default=0, ge=0, lt=2**63)
    """The root of all that the researcher does at random, and of the coins of a shuffled control."""
    methods: Count = 100
    """How many methods are tried: max_iterations of the document."""
    corpus_sequences: Count = 64
    """Sequences of generic text a method may learn from."""
    corpus_length: Whole = Field(default=128, gt=1, le=10**6)
    """Tokens of each."""
    screen: StageSize = StageSize(questions=1)
    """The cheap first look: training questions of the cheapest task unless tasks are named."""
    screen_floor: Number = -0.5
    """A method whose reward in the screen is under this goes no further; the `log` reward of a useless method whose
    channels are bought in vain is about -0.3 where rows alone get far with little."""
    train: StageSize = StageSize(questions=4)
    """Questions of the training families, whose average reward the researcher learns from."""
    prune_level: Number = Field(default=0.05, ge=0, lt=1)
    """Training ends early for a method that a one-sided Wilcoxon test at this level finds behind the best so far; 0 for
    never."""
    validation: StageSize = StageSize(questions=4)
    """Questions of the validation families, seen through the guard alone."""
    validate_best: Count = 2
    """A method is validated if its training reward is among this many best so far,"""
    validate_above: Number = 0.0
    """and above this: a method that saved nothing in training is not consulted about, and cannot become I*."""
    shuffled: Flag = False
    """A control: rewards say nothing about methods, because a coin decides on each question which arm is which. The
    sealed test is not shuffled."""
    until_plateau: Flag = False
    """End the search as soon as it has stopped improving, at the latest after `methods`."""
    plateau: PlateauSettings = PlateauSettings()
    """When that is so."""
    test: StageSize = StageSize(questions=8)
    """Questions of the sealed test families, for `unseal`."""

    def save(self, folder: Path) -> None:
        """Write the settings into a run's folder."""
        write_whole(folder / CONFIG_FILE, (self.model_dump_json(indent=2) + "\n").encode())

    @classmethod
    def load(cls, folder: Path) -> SearchConfig:
        """Return the settings of a run.

        Raises:
            ConfigError: the folder is no run, or its settings are of another version.
        """
        path = folder / CONFIG_FILE
        if not path.exists():
            raise ConfigError(f"{folder} is not a run: it has no {CONFIG_FILE}; name the folder that `search` made")
        return as_begun(parse_config(read_text(path), str(path)))


def parse_config(text: str, where: str) -> SearchConfig:
    """Return the settings that a JSON text states.

    Raises:
        ConfigError: a setting is unknown or out of range; the message names each.
    """
    try:
        return SearchConfig.model_validate_json(text)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_faults(error)}") from error


def as_begun(config: SearchConfig) -> SearchConfig:
    """Return settings that were stored with a run; where they have no `environment_seed`, `seed` is that too."""
    if "environment_seed" in config.model_fields_set:
        return config
    return config.model_copy(update={"environment_seed": config.seed})


def configure(preset: str, **changes: Any) -> SearchConfig:
    """Return a preset with some settings changed; settings given as None are left alone.

    Raises:
        ConfigError: the preset is unknown or a setting is wrong.
    """
    if preset not in PRESETS:
        raise ConfigError(f"there is no preset {preset!r}; there are: {', '.join(PRESETS)}")
    settings = PRESETS[preset].model_dump() | {name: value for name, value in changes.items() if value is not None}
    return checked_config(settings, "the settings of the search")


def checked_config(settings: Mapping[str, Any], where: str) -> SearchConfig:
    """Return settings, once they are found to be some that a search can have.

    Raises:
        ConfigError: a setting is unknown or out of range; the message names each.
    """
    try:
        return SearchConfig.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {_said(fault)}" for fault in error.errors())


def _said(fault: Mapping[str, Any]) -> str:
    """Return what is wrong with a setting; of one that there is none of, which there are in its place."""
    if fault["type"] != "extra_forbidden":
        return str(fault["msg"])
    kind: type[BaseModel] = SearchConfig
    for step in fault["loc"][:-1]:
        inner = kind.model_fields[str(step)].annotation
        assert isinstance(inner, type)
        assert issubclass(inner, BaseModel)
        kind = inner
    close = difflib.get_close_matches(str(fault["loc"][-1]), kind.model_fields, n=1)
    hint = f"; did you mean {close[0]}? There are" if close else "; there are"
    return f"no such setting{hint} {', '.join(kind.model_fields)}"


PRESETS = {
    "standard": SearchConfig(),
    "demo": SearchConfig(
        methods=12,
        researcher_options={
            "words": [
                "answer_logits",
                "attention_gates",
                "context_student",
                "direct_logit_attribution",
                "gradient_activation",
                "short_context",
                "stitched_cache",
                "tuned_lens",
            ]
        },
        side_by_side=2,
        threads=1,
        executor_seeds=2,
        corpus_sequences=16,
        caps=Caps(flops_fraction=0.1, seconds=60.0),
        train=StageSize(questions=3, tasks=("context_attribution/facts-subsets", "shot_shapley/antonyms")),
        validation=StageSize(questions=2, tasks=("prompt_ceiling/places", "prompt_ceiling/words")),
        validate_best=1,
        test=StageSize(questions=4, tasks=("loss_quantile/kjv", "loss_quantile/reviews")),
    ),
}
"""Named settings: `standard`, and `demo`, which is made for seven minutes on two cores and not for its results: its
words are those that may have something to say about parts of a context, which its training tasks are about; knockouts
and integrated gradients take an eighth of brute force there, and are left out."""
