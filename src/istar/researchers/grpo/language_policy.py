"""pi_theta: a local language model that writes sentences of the grammar, and nothing else.

At every token the model's logits are restricted to the tokens that may come next, and only then made probabilities:
what is drawn, and the log-probabilities that are learned from, are of this restricted policy. Those of the whole
vocabulary would not do: their gradient raises a token against tokens that can never be drawn.

theta is a LoRA adapter on every linear map of the model's blocks: Hu et al., "LoRA: Low-Rank Adaptation of Large
Language Models" (2021), as `peft` makes it. Its second factors begin at zero, so that the initial policy is the model's
own.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from istar.researchers.grpo.masks import TokenMasks, token_texts
from istar.researchers.grpo.text import Prefix, SentenceText
from istar.seeds import Seed
from istar.targets import Target

NEVER = -1e30
"""Logit of a token that cannot come next; finite, so that 0 times its log-probability is 0."""


@dataclass(frozen=True)
class Rollout:
    """A sentence that was drawn.

    Attributes:
        text: the sentence, its channels in their order, which need not be that in which they were written.
        tokens: its tokens.
        log_probabilities: of each token when it was drawn, in nats.
        entropy: the policy's entropy along it, as a share of that of a uniform choice: the mean over the tokens where
            there was a choice.
    """

    text: str
    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    entropy: float

    def to_json(self) -> dict[str, Any]:
        """Return the rollout as JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Rollout:
        """Return the rollout that `to_json` described."""
        lists = {name: tuple(values[name]) for name in ("tokens", "log_probabilities")}
        return cls(**{**values, **lists})


class LanguagePolicy:
    """A language model under the grammar's masks, with an adapter; it keeps the target's module for itself.

    Args:
        target: the model.
        text: the sentences that it writes.
        prompt: the text that stands before each.
        rank: of the adapter.
    """

    def __init__(self, target: Target, text: SentenceText, prompt: str, rank: int) -> None:
        """See the class docstring."""
        from peft import LoraConfig, get_peft_model

        self.id = target.id
        self.text = text
        self.masks = TokenMasks(text, token_texts(target, target.vocabulary, text.alphabet))
        self._prompt = (target.bos, *target.encode(prompt))
        self._device = target.device
        adapter = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            torch.manual_seed(0)  # the first factors begin at random, alike in every search
            warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by an older name
            self._module = get_peft_model(target.module, adapter).eval()
        self.theta: dict[str, Tensor] = {
            name: parameter for name, parameter in self._module.named_parameters() if parameter.requires_grad
        }

    def draw(self, count: int, seed: Seed) -> tuple[Rollout, ...]:
        """Return sentences, drawn independently of each other.

        Args:
            count: how many.
            seed: of the draws.
        """
        generators = [seed.split(number).generator() for number in range(count)]
        prefixes = [Prefix()] * count
        tokens: list[list[int]] = [[] for _ in range(count)]
        logs: list[list[float]] = [[] for _ in range(count)]
        shares: list[list[float]] = [[] for _ in range(count)]
        written = torch.tensor([self._prompt] * count, device=self._device)
        memory = None
        with torch.no_grad():
            while not all(prefix.place.complete for prefix in prefixes):
                out = self._module(input_ids=written, past_key_values=memory, use_cache=True)
                memory = out.past_key_values
                following = [0] * count
                for row, prefix in enumerate(prefixes):
                    if prefix.place.complete:
                        continue
                    allowed = self.masks.allowed(prefix)
                    options = list(allowed)
                    log = torch.log_softmax(out.logits[row, -1, options].double().cpu(), dim=0)
                    gumbel = torch.from_numpy(generators[row].gumbel(size=len(options)))
                    choice = int(torch.argmax(log + gumbel))
                    following[row] = options[choice]
                    prefixes[row] = allowed[options[choice]]
                    tokens[row].append(options[choice])
                    logs[row].append(log[choice].item())
                    if len(options) > 1:
                        shares[row].append(-(log.exp() * log).sum().item() / math.log(len(options)))
                written = torch.tensor(following, device=self._device)[:, None]
        return tuple(
            Rollout(
                text=self.text.write(self.text.read(self._spelled(tokens[row]))),
                tokens=tuple(tokens[row]),
                log_probabilities=tuple(logs[row]),
                entropy=sum(shares[row]) / len(shares[row]) if shares[row] else 0.0,
            )
            for row in range(count)
        )

    def log_probabilities(
        self, rollouts: Sequence[Rollout]
    ) -> tuple[Float[Tensor, "rollouts tokens"], Float[Tensor, "rollouts tokens"], Bool[Tensor, "rollouts tokens"]]:
        """Return the log-probability of each token under the present theta, the entropy there, and where tokens are.

        Both are of the restricted policy, in nats, and 0 behind a sentence's end.
        """
        longest = max(len(each.tokens) for each in rollouts)
        padded = [(*each.tokens, *[0] * (longest - len(each.tokens))) for each in rollouts]
        there = torch.tensor([[place < len(each.tokens) for place in range(longest)] for each in rollouts])
        ids = torch.tensor([(*self._prompt, *each) for each in padded], device=self._device)
        logits = self._module(input_ids=ids, use_cache=False).logits[:, len(self._prompt) - 1 : -1]
        options, taken = self._options(rollouts, longest)
        possible = logits.gather(2, options.clamp_min(0).to(self._device)).double()
        log = torch.log_softmax(possible.masked_fill((options < 0).to(self._device), NEVER), dim=2)
        entropies = -(log.exp() * log).sum(dim=2)
        there = there.to(self._device)
        chosen = log.gather(2, taken.to(self._device)[:, :, None])[:, :, 0]
        return chosen.where(there, 0.0), entropies.where(there, 0.0), there

    def _options(
        self, rollouts: Sequence[Rollout], longest: int
    ) -> tuple[Int[Tensor, "rollouts tokens options"], Int[Tensor, "rollouts tokens"]]:
        """Return the tokens that might have come in each place, -1 where there are fewer, and which of them did."""
        every, taken = [], []
        for each in rollouts:
            prefix, row, places = Prefix(), [], []
            for token in each.tokens:
                allowed = self.masks.allowed(prefix)
                row.append(list(allowed))
                places.append(row[-1].index(token))
                prefix = allowed[token]
            every.append(row + [[0]] * (longest - len(row)))
            taken.append(places + [0] * (longest - len(places)))
        most = max(len(options) for row in every for options in row)
        filled = [[options + [-1] * (most - len(options)) for options in row] for row in every]
        return torch.tensor(filled), torch.tensor(taken)

    def _spelled(self, tokens: Sequence[int]) -> str:
        return "".join(self.masks.tokens[token] for token in tokens)
