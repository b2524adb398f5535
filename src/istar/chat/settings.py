"""Which models are asked, and how: the settings of each, and who serves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from istar.chat.model import ChatError, ChatModel
from istar.registry import Registry

Name = Annotated[str, Field(min_length=1, max_length=1000)]
Price = Annotated[float, Field(ge=0)]


class ModelSettings(BaseModel):
    """One language model.

    No key is among them, for settings are stored with a run: `key` names the environment variable that holds it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: Name
    """What it is called where it is served."""
    provider: Name = "openai"
    """Who serves it: `openai`, any endpoint that speaks that protocol, or `inspect`, whatever Inspect AI knows."""
    base_url: Name | None = None
    """Address of the endpoint, usually ending in `/v1`; OpenAI's own if there is none."""
    key: Name = "OPENAI_API_KEY"
    """Name of the environment variable that holds the endpoint's key; with a `base_url` it need not be set."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 1.0
    """Temperature of sampling; null leaves it to the endpoint, where a model takes none."""
    seeded: bool = True
    """Whether the endpoint is sent seeds; they are recorded in any case."""
    stream: bool = True
    """Whether replies come in pieces, so that an endpoint that stalls is noticed."""
    limit: Name | None = None
    """The field that holds the most tokens of a reply, `max_tokens` or `max_completion_tokens`; if none is stated, the
    second at OpenAI's own endpoint and the first elsewhere."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """What else is sent with each request, such as `reasoning_effort`."""
    timeout: Annotated[float, Field(gt=0)] = 300.0
    """Seconds in which an endpoint may say nothing."""
    retries: Annotated[int, Field(strict=True, ge=0, le=100)] = 5
    """How often a request is sent again, with growing pauses, where an endpoint is busy, fails or breaks off."""
    input_price: Price | None = None
    """Price of a million tokens that it reads."""
    output_price: Price | None = None
    """Price of a million tokens that it writes."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """How often it is asked, beside the weights of the others."""

    def price(self, input_tokens: int, output_tokens: int) -> float:
        """Return what a reply costs; 0 where prices are not stated."""
        return ((self.input_price or 0.0) * input_tokens + (self.output_price or 0.0) * output_tokens) / 1e6


PROVIDERS: Registry[Callable[[ModelSettings], ChatModel]] = Registry(
    "model provider", ours=("istar.chat.endpoint", "istar.chat.inspect_models")
)
"""Who serves models: each entry makes one from its settings, and raises ChatError where that cannot be."""


def open_model(settings: ModelSettings) -> ChatModel:
    """Return a model; nothing is asked of it yet.

    Raises:
        UnknownNameError: there is no such provider.
        ChatError: it cannot be asked from here: a package or a key is missing.
    """
    return PROVIDERS.get(settings.provider)(settings)


def model_settings(values: Sequence[Mapping[str, Any]]) -> tuple[ModelSettings, ...]:
    """Return the settings of models that were stated as JSON values.

    Raises:
        ChatError: a setting is unknown or out of range; the message names each.
    """
    if any("api_key" in each for each in values):
        raise ChatError(
            "settings are stored with the run, so no key stands there: put it into an environment variable, "
            "OPENAI_API_KEY or the one that `key` names"
        )
    try:
        return tuple(ModelSettings.model_validate(dict(each)) for each in values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ChatError(
            f"a model cannot be asked so: {faults}; its settings are {', '.join(ModelSettings.model_fields)}"
        ) from None
