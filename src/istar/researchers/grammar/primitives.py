"""The words of the grammar: method files, with the values that some of their constants may take.

A primitive is a file that works on its own, so what the grammar writes is made of tested, readable methods, and a
user's own method becomes a word by one line in a file that `ISTAR_PLUGINS` names:

    add_primitive("my_lens", Path("my_lens.py"), "mine", DEPTH=(0.2, 0.5, 0.8))

Of the library's files all are words but the controls.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from istar.errors import IstarError
from istar.methods.language import REQUIRED, SIGNATURES
from istar.methods.library import library_methods
from istar.parsing import parsed
from istar.registry import Registry

MIB = 2**20


class PrimitiveError(IstarError):
    """A method file that cannot be a word of the grammar, or choices that it does not have."""


class Sampler(Protocol):
    """What draws the choices: an Optuna trial."""

    def suggest_categorical(self, name: str, choices: Any, /) -> Any:
        """Return one of the choices."""

    def suggest_int(self, name: str, low: int, high: int, /) -> int:
        """Return a whole number from `low` to `high`."""


@dataclass(frozen=True)
class Primitive:
    """A method file with constants to choose.

    Attributes:
        kind: the registry name.
        path: the file: imports first, then constants, one a line, and definitions.
        word: what the names of methods call it, such as `lens`.
        choices: constants with the values each may take; numbers in ascending order, so that a sampler may treat
            neighbours as alike.
    """

    kind: str
    path: Path
    word: str
    choices: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def __post_init__(self) -> None:
        """Check that the file can be read, is a method, and has the constants."""
        places = self._constants()
        missing = [name for name, _ in self.choices if name not in places]
        if missing:
            raise PrimitiveError(
                f"the primitive {self.kind!r} chooses {', '.join(missing)}, which {self.path} does not set at its top, "
                f"each on one line; it sets {', '.join(places) or 'no constants'}"
            )
        empty = [name for name, options in self.choices if not options]
        if empty:
            raise PrimitiveError(f"the primitive {self.kind!r} has no values for {', '.join(empty)}")
        lacking = [name for name in REQUIRED if name not in self.functions]
        if lacking:
            raise PrimitiveError(f"{self.path} is no method: it does not define {', '.join(lacking)}")

    @cached_property
    def source(self) -> str:
        """The text of the file."""
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PrimitiveError(
                f"the file of the primitive {self.kind!r} cannot be read: {self.path}: {error}"
            ) from error

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of the file."""
        try:
            return parsed(self.source)
        except SyntaxError as error:
            raise PrimitiveError(f"{self.path}, line {error.lineno}: {error.msg}") from error

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """The functions of the contract that the file defines, in the order in which they are called."""
        defined = {node.name for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        return tuple(name for name in SIGNATURES if name in defined)

    @property
    def sketch(self) -> str:
        """What it does, for people: the first line of the file."""
        return (ast.get_docstring(self.tree) or self.kind).partition("\n")[0].rstrip(".")

    def with_values(self, **values: Any) -> Channel:
        """Return the primitive with every constant chosen.

        Raises:
            PrimitiveError: a constant is missing or unknown, or the value is none of its choices.
        """
        if values.keys() != dict(self.choices).keys():
            wanted = ", ".join(name for name, _ in self.choices) or "no constants"
            raise PrimitiveError(f"the primitive {self.kind!r} chooses {wanted}, not {', '.join(values) or 'none'}")
        for name, options in self.choices:
            if values[name] not in options:
                raise PrimitiveError(f"{name} of the primitive {self.kind!r} is one of {options}, not {values[name]!r}")
        return Channel(self, tuple(values[name] for name, _ in self.choices))

    def draw(self, sampler: Sampler, prefix: str) -> Channel:
        """Return the primitive with every constant drawn.

        Args:
            sampler: draws.
            prefix: put before the names of the sampler's parameters.
        """
        drawn = []
        for constant, options in self.choices:
            name = f"{prefix}.{self.kind}.{constant.lower()}"
            if len(options) == 1:  # nothing to choose: samplers are not asked
                drawn.append(options[0])
            elif all(isinstance(option, (int, float)) and not isinstance(option, bool) for option in options):
                drawn.append(options[sampler.suggest_int(name, 0, len(options) - 1)])
            else:
                drawn.append(sampler.suggest_categorical(name, options))
        return Channel(self, tuple(drawn))

    def written(self, values: tuple[Any, ...]) -> str:
        """Return the file's text with these values of the constants."""
        lines = self.source.splitlines()
        places = self._constants()
        for (constant, _), value in zip(self.choices, values, strict=True):
            place = places[constant]
            line = lines[place.lineno - 1].encode()  # columns count bytes
            lines[place.lineno - 1] = (
                line[: place.col_offset] + repr(value).encode() + line[place.end_col_offset :]
            ).decode()
        return "\n".join(lines) + "\n"

    def _constants(self) -> dict[str, ast.expr]:
        """Return the values that names are given at the top of the file, each on one line."""
        return {
            node.targets[0].id: node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
            and node.lineno == node.end_lineno
        }


@dataclass(frozen=True)
class Channel:
    """A primitive with its constants chosen; what it returns are the channels of a method, or some of them.

    Attributes:
        primitive: the word.
        values: of its constants, in the order of its choices.
    """

    primitive: Primitive
    values: tuple[Any, ...]

    @property
    def chosen(self) -> dict[str, Any]:
        """The constants by their lower-case names."""
        return {name.lower(): value for (name, _), value in zip(self.primitive.choices, self.values, strict=True)}

    @property
    def short(self) -> str:
        """A word for the method's name, such as `tuned60r0.01`."""
        first, *others = self.chosen.items() or [("", "")]
        return f"{self.primitive.word}{_brief(first[1])}" + "".join(f"{name[0]}{value}" for name, value in others)

    @property
    def title(self) -> str:
        """A sentence for people."""
        chosen = ", ".join(f"{name} {value}" for name, value in self.chosen.items())
        return f"{self.primitive.sketch} ({chosen})" if chosen else self.primitive.sketch

    @property
    def source(self) -> str:
        """The text of a method with this channel alone."""
        return self.primitive.written(self.values)

    def to_json(self) -> dict[str, Any]:
        """Return the channel as JSON values."""
        return {"kind": self.primitive.kind, **self.chosen}


PRIMITIVES: Registry[Primitive] = Registry("primitive")


def add_primitive(kind: str, path: Path, word: str, **choices: tuple[Any, ...]) -> Primitive:
    """Make a method file a word of the grammar; arguments as the attributes of `Primitive`.

    Raises:
        PrimitiveError: the file cannot be read, is no method, or lacks a constant.
        DuplicateNameError: another word has this name.
    """
    return PRIMITIVES.add(kind, Primitive(kind, path, word, tuple(choices.items())))


def _brief(value: Any) -> str:
    """Return a share in per cent, and anything else as it is."""
    return f"{100 * value:g}" if isinstance(value, float) else str(value)


def _add_library() -> None:
    """Add the library's methods, with the constants that trade what they cost for what they say."""
    depths = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    coarse = (0.1, 0.3, 0.5, 0.7)
    below = (0.0, 0.3, 0.6)
    ridges = (0.001, 0.01, 0.1, 1.0)
    words: dict[str, tuple[str, dict[str, tuple[Any, ...]]]] = {
        "activation_difference": ("difference", {"BLOCKS": (1, 2, 4, 8)}),
        "answer_logits": ("logits", {"DEPTH": depths}),
        "attention_gates": ("gates", {"POINTS": (1, 2)}),
        "attention_knockout": ("knockout", {}),
        "attribution_patching": ("patching", {"PROBES": (1, 2, 4)}),
        "component_effects": ("components", {"TEXTS": (1, 3)}),
        "component_patching": ("parts", {}),
        "confidence_probe": ("confidence", {"DEPTH": coarse}),
        "context_student": ("student", {"WINDOW": (16, 64, 256), "RIDGE": ridges}),
        "covariance_lens": ("covariance", {"DEPTH": depths, "RANK": (16, 64)}),
        "direct_logit_attribution": ("direct", {}),
        "early_exit_head": ("exit", {"DEPTH": depths, "FEATURES": (1, 2, 4)}),
        "ekfac_influence": ("ekfac", {"DAMPING": (0.01, 0.1, 1.0), "RANK": (16, 64)}),
        "gaussian_logit_difference": ("gld", {"DEPTH": depths}),
        "gradient_activation": ("gradact", {"LAYER": below}),
        "gradient_influence": ("influence", {}),
        "integrated_gradients": ("integrated", {"DEPTH": below, "STEPS": (1, 2, 4)}),
        "layer_skipping": ("skip", {"FIRST": (0.2, 0.4, 0.6), "SHARE": (0.1, 0.2, 0.3)}),
        "linear_probe": ("probe", {"DEPTH": coarse, "COMPONENTS": (4, 16, 64)}),
        "logit_lens": ("lens", {"DEPTH": depths}),
        "low_rank_forward": ("lowrank", {"RANK": (0.01, 0.03, 0.1), "BYTES": (10 * MIB,)}),
        "mahalanobis": ("mahalanobis", {"DEPTH": coarse}),
        "projected_influence": ("projected", {"RANK": (8, 32, 128)}),
        "pruned_forward": ("pruned", {"SHARE": (0.25, 0.5, 0.75)}),
        "quadratic_logit_decomposition": ("qld", {"DEPTH": depths, "RANK": (64, 256)}),
        "reduced_vocabulary": ("reduced", {"DEPTH": depths, "RIDGE": ridges, "FREQUENT": (256, 1024, 4096)}),
        "short_context": ("short", {"MEMORY": (8, 16, 32, 64), "DEPTH": (0.9, 1.0)}),
        "sparse_autoencoder": ("sae", {"DEPTH": coarse, "ACTIVE": (8, 32), "CHANNELS": (8, 32)}),
        "spectral_signatures": ("spectral", {"DEPTH": coarse, "DIRECTIONS": (1, 4)}),
        "stitched_cache": ("stitched", {"TAIL": (0, 2, 4, 8), "SEAM": (0, 1, 2, 4)}),
        "transcoder": ("transcoder", {"DEPTH": coarse, "ACTIVE": (8, 32)}),
        "tuned_lens": ("tuned", {"DEPTH": depths, "RIDGE": ridges}),
    }
    paths = library_methods()
    for kind, (word, choices) in words.items():
        add_primitive(kind, paths[kind], word, **choices)


_add_library()
