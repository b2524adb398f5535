"""What decides a duel, and the folder that holds one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from istar.arms.settings import ArmSettings, Caps, Count, Name, Number, Strict, Whole, differing
from istar.duel.line_ups import MOST_ROUNDS
from istar.duel.moves import KINDS
from istar.errors import IstarError
from istar.files import read_text, write_whole
from istar.ledger import Ledger
from istar.protocol.run_folder import RunFolder
from istar.red_team.quick import WINDOW
from istar.red_team.recipe import Training

SETTINGS_FILE = "duel.json"


class DuelError(IstarError):
    """A duel that cannot be fought."""


class MoveBudget(Strict):
    """What training a move may take."""

    steps: Count = 120
    """Steps at most."""
    batch: Count = 8
    """Lessons in a step."""
    rank: Count = 4
    """Rank of the adapter."""
    learning_rate: Number = Field(default=1e-2, gt=0)
    """The highest."""
    text_sequences: Count = 2
    """Sequences of ordinary text in a step."""
    text_length: Annotated[int, Field(strict=True, gt=12, le=1000)] = 40
    """Tokens in each."""
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    """Type to train in: bfloat16 is faster where the processor has it."""

    def training(self, seed: int) -> Training:
        """Return how a move is trained."""
        return Training(seed=seed, **self.model_dump(exclude={"dtype"}))


class DuelConfig(ArmSettings):
    """Settings of one duel."""

    target: Name = "smollm2-135m"
    """Name, path or hub id of the target; red modifies it in float32."""
    seed: Whole = Field(default=0, ge=0, lt=2**63)
    """The root of all that the players do at random."""
    reward: str = "log"
    """Registry name of the reward formula."""
    red: Literal["policy", "scripted"] = "policy"
    """Whether red learns."""
    blue: Literal["policy", "scripted"] = "policy"
    """Whether blue learns."""
    methods: tuple[Name, ...] = ()
    """Blue's methods, by name; none for sentences of the grammar."""
    sources: Mapping[str, str] = Field(default_factory=dict)
    """The hash of each method's source, so that a duel is not resumed with others."""
    shown_kinds: tuple[str, ...] = ("password", "backdoor")
    """Kinds of moves that blue learns from."""
    held_out_kinds: tuple[str, ...] = ("topic", "mimic")
    """Kinds of moves that blue is scored on."""
    rounds: Annotated[int, Field(strict=True, gt=0, le=MOST_ROUNDS)] = 6
    """How many rounds."""
    moves: Count = 2
    """Moves of each part in a round."""
    methods_a_round: Count = 1
    """Methods of each part in a round."""
    questions: Count = 2
    """Questions about each move; more where a round has few sound moves, for the executor learns from others."""
    inputs: Count = 3
    """Inputs that each model of a line-up is asked."""
    replicates: Annotated[int, Field(strict=True, ge=2, le=100)] = 2
    """Sets of demonstrations."""
    words: Annotated[int, Field(strict=True, ge=1, le=100)] = 4
    """Words that are tried before each input."""
    budget: MoveBudget = MoveBudget()
    """What training a move may take."""
    forfeit: Number = Field(default=0.3, gt=0)
    """What red pays for a move that misses its claims, and blue for a method that fails, in units of the reward."""
    corpus_sequences: Count = 32
    """Sequences of generic text that a method may learn from."""
    corpus_length: Whole = Field(default=64, gt=1, le=10**6)
    """Tokens of each."""
    executor_seeds: Whole = Field(default=2, gt=0, le=10**4)
    """See the base class."""
    caps: Caps = Caps(seconds=120.0)
    """See the base class."""

    def check(self) -> None:
        """Check what the types do not say.

        Raises:
            DuelError: a kind is unknown or in both parts, or a move's budget is too small to be judged.
        """
        for name, kinds in (("shown_kinds", self.shown_kinds), ("held_out_kinds", self.held_out_kinds)):
            unknown = sorted(set(kinds) - set(KINDS))
            if unknown or not kinds:
                raise DuelError(
                    f"{name}: {', '.join(unknown) or 'none'} is no kind of move; give some of {', '.join(KINDS)}"
                )
        if both := sorted(set(self.shown_kinds) & set(self.held_out_kinds)):
            raise DuelError(f"{', '.join(both)} cannot be shown to blue and held out from it; give it to one part")
        if self.budget.steps < WINDOW:
            raise DuelError(
                f"a budget of {self.budget.steps} steps is too small: a move is judged by the losses of {WINDOW} in a "
                f"row; give --steps {WINDOW} or more"
            )


def configure_duel(**changes: Any) -> DuelConfig:
    """Return settings of a duel; those given as None are left alone.

    Raises:
        DuelError: a setting is unknown or out of range; the message names each.
    """
    try:
        config = DuelConfig.model_validate({name: value for name, value in changes.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise DuelError(f"the settings of the duel: {faults}") from error
    config.check()
    return config


@dataclass(frozen=True)
class DuelFolder:
    """One duel's folder.

    Attributes:
        path: the folder; its name is the run's name.
    """

    path: Path

    @property
    def name(self) -> str:
        """The run's name, under which the ledger files it."""
        return self.path.resolve().name

    @property
    def organisms(self) -> Path:
        """Where the models are that were trained for it."""
        return self.path / "organisms"

    @property
    def truth(self) -> Path:
        """Where the tables of its questions are."""
        return self.path / "truth"

    @property
    def exists(self) -> bool:
        """Whether a duel was begun here."""
        return (self.path / SETTINGS_FILE).exists()

    def config(self) -> DuelConfig:
        """Return the settings of the duel.

        Raises:
            DuelError: there is none here, or its settings are of another version.
        """
        if not self.exists:
            raise DuelError(f"{self.path} is no duel: it has no {SETTINGS_FILE}; `istar duel --run NAME` begins one")
        try:
            return DuelConfig.model_validate_json(read_text(self.path / SETTINGS_FILE))
        except ValidationError as error:
            raise DuelError(f"{self.path / SETTINGS_FILE} does not hold the settings of a duel: {error}") from error

    def check(self, config: DuelConfig) -> None:
        """Check that a duel with these settings may be begun here, or gone on with.

        Raises:
            DuelError: the duel that is there has other settings, or a search is there.
        """
        if self.exists:
            if others := differing(self.config().model_dump(), config.model_dump()):
                raise DuelError(
                    f"the duel in {self.path} has other settings (differing: {', '.join(others)}); resume it with "
                    "those that it was begun with, or give the new one another name"
                )
        elif RunFolder(self.path).exists:
            raise DuelError(f"{self.path} holds a search; give the duel another name")

    def begin(self, config: DuelConfig) -> None:
        """Make the folder and write the settings; a duel that is there with the same settings is left as it is.

        Raises:
            DuelError: see `check`.
        """
        self.check(config)
        if self.exists:
            return
        write_whole(self.path / SETTINGS_FILE, (config.model_dump_json(indent=2) + "\n").encode())

    @contextmanager
    def alone(self) -> Iterator[Ledger]:
        """Open the ledger, and keep other processes from working on this duel until the block ends.

        Raises:
            RunFolderError: another process works on it.
        """
        folder = RunFolder(self.path)
        with folder.alone(), folder.ledger() as ledger:
            yield ledger
