"""The researcher that is a language model: it is shown what was tried, and writes methods.

For each proposal a conversation is begun. Parents are drawn from what was tried (`population`); the model is shown
them, their rewards by family, costs and errors, and a line on each other method; it reads pages and sources, and hands
in a whole file or edits (`writing`). A file must be new, and pass the check on a tiny target; what is wrong with it
goes back to the model, a bounded number of times (`conversation`). One that still fails then is proposed as it is: the
search says why it fails, and later conversations are shown that.

Source: evolution with a language model as its operator: Romera-Paredes et al., "Mathematical discoveries from program
search with large language models" (2024); Novikov et al., "AlphaEvolve" (2025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from istar.chat import (
    TRANSCRIPT_FILE,
    BudgetError,
    ChatBudget,
    ChatError,
    Message,
    Models,
    Transcript,
    TranscriptError,
    check_calls,
    check_prices,
    model_settings,
    open_model,
    read_transcript,
)
from istar.identity import source_hash
from istar.methods import manual
from istar.researchers.language_model.conversation import Conversation, Outcome, Patience
from istar.researchers.language_model.population import DIGITS, draw_parents, one_line, shown
from istar.researchers.language_model.prompts import Prompts
from istar.researchers.researcher import (
    MOST,
    RESEARCHERS,
    NothingNewError,
    Proposal,
    Researcher,
    ResearcherError,
    Telling,
    check_option,
)
from istar.researchers.workbench import Workbench
from istar.seeds import Seed
from istar.texts import name_for_people

CONVERSATIONS = 3
"""How many conversations are begun for one proposal before the search ends for want of a new method."""


@RESEARCHERS.register("language_model")
class LanguageModelResearcher(Researcher):
    """A language model that writes methods.

    Args:
        model: the model's name where it is served; other settings of `istar.chat.ModelSettings` are options too.
        models: several models, each as its settings; what is stated beside holds for all that do not state it.
        prompts: a folder with prompts in place of ours of the same names.
        replay: a transcript that is answered from, without any model.
        budget_tokens: the search ends once so many tokens were read and written; None for no bound.
        budget_money: or once that much was spent, by the prices of the models.
        budget_seconds: or once it has waited so long for replies.
        max_tokens: the most tokens of one reply.
        parents: how many methods that were tried are shown in full.
        inspirations: how many methods of the library are shown in full.
        fresh: share of the conversations in which no parents are shown.
        history: how many of the methods tried last are listed.
        repairs: how often what is wrong goes back to the model in one conversation.
        reading: how often it may read in one conversation.
        settings: see `model`.

    Raises:
        ChatError: a setting of a model is unknown or out of range, or prices are missing.
        ResearcherError: an option is out of range, or the prompts are none.
        TranscriptError: what is to be replayed was edited.
    """

    name: ClassVar[str] = "language_model"

    def __init__(
        self,
        model: str | None = None,
        models: Sequence[Mapping[str, Any]] | None = None,
        prompts: str | None = None,
        replay: str | None = None,
        budget_tokens: int | None = None,
        budget_money: float | None = None,
        budget_seconds: float | None = None,
        max_tokens: int = 16_000,
        parents: int = 2,
        inspirations: int = 1,
        fresh: float = 0.2,
        history: int = 40,
        repairs: int = 3,
        reading: int = 8,
        **settings: Any,
    ) -> None:
        """See the class docstring."""
        super().__init__()
        self.settings = model_settings(_stated(model, models, settings))
        budgets = {"tokens": budget_tokens, "money": budget_money, "seconds": budget_seconds}
        for name, most in budgets.items():
            if most is not None and (isinstance(most, bool) or not isinstance(most, int | float) or not most > 0):
                raise ResearcherError(
                    f"budget_{name} must be a number above 0, not {most!r}; leave it out for no bound on {name}"
                )
        self.budget = ChatBudget(budget_tokens, budget_money, budget_seconds)
        check_prices(self.settings, self.budget)
        for name, value, low, high in (
            ("max_tokens", max_tokens, 1, MOST),
            ("parents", parents, 0, 100),
            ("inspirations", inspirations, 0, 100),
            ("fresh", fresh, 0.0, 1.0),
            ("history", history, 0, MOST),
            ("repairs", repairs, 0, 100),
            ("reading", reading, 0, 100),
        ):
            check_option(self, name, value, low, high)
        self.patience = Patience(max_tokens, repairs, reading)
        self.parents, self.inspirations, self.fresh, self.history = parents, inspirations, fresh, history
        self.prompts = Prompts(None if prompts is None else Path(prompts))
        self.recorded = None if replay is None else read_transcript(Path(replay))
        self._models: Models | None = None
        self._library: Mapping[str, str] = {}
        self._names: dict[str, str] = {}

    def check_ready(self) -> None:
        """Ask each model whether it is there and calls tools, with one short request; none where one is replayed.

        Raises:
            ChatError: one is not, or does not; the message says what to do.
        """
        if self.recorded is None:
            for each in self.settings:
                check_calls(open_model(each))

    def begin(self, workbench: Workbench) -> None:
        """Take the workbench, and what was exchanged before the search was killed.

        Raises:
            TranscriptError: the transcript was edited, or begun with other prompts.
        """
        super().begin(workbench)
        path = None if workbench.folder is None else workbench.folder / TRANSCRIPT_FILE
        transcript = Transcript(path, {"prompts": self.prompts.hash})
        self._models = Models(self.settings, transcript, self.budget, self.recorded)
        self._library = workbench.library
        self._names = {source_hash(source): f"the library's {name}" for name, source in self._library.items()}

    def remember(self, proposal: Proposal) -> None:
        """Take back a proposal made before the search was killed.

        Raises:
            TranscriptError: the conversation in which it was made is not in the transcript.
        """
        if self._models is not None and self.workbench.folder is not None:
            known = self._models.transcript
            if any(known.find(each) is None for each in proposal.parameters["exchanges"]):
                raise TranscriptError(
                    f"{self.workbench.folder / TRANSCRIPT_FILE} lacks the conversation in which {proposal.name!r} was "
                    "written; take the file from a backup, or begin another run"
                )
        super().remember(proposal)

    def _compose(self, seed: Seed) -> Proposal:
        assert self._models is not None, "`begin` opens the models"
        complaint = ""
        for number in range(CONVERSATIONS):
            own = seed.split("conversation", number)
            parents = self._drawn_parents(own)
            model = self._models.draw(own.split("model"))
            conversation = Conversation(
                self._models, model, self.prompts, self.workbench, self._sources(), self._known(), self.patience
            )
            try:
                outcome = conversation.run(self._opening(parents, own), own)
            except BudgetError as error:
                raise NothingNewError(str(error)) from error
            if outcome.method is not None:
                return self._proposal(outcome, parents, model, own)
            complaint = outcome.complaint
        raise NothingNewError(
            f"no new method came of {CONVERSATIONS} conversations with language models; of the last none came because "
            f"{one_line(complaint)}"
        )

    def _proposal(self, outcome: Outcome, parents: Sequence[Telling], model: int, seed: Seed) -> Proposal:
        method = outcome.method
        assert method is not None
        edited = {proposal.hash for proposal in self._made if proposal.hash[:DIGITS] == method.edited}
        settings = self.settings[model]
        return Proposal(
            method.source,
            method.name,
            parents=tuple(edited) or tuple(proposal.hash for proposal, _ in parents),
            parameters={
                "idea": name_for_people(one_line(method.idea)),
                "edited": name_for_people(method.edited),
                "model": settings.model,
                "temperature": settings.temperature,
                "seed": seed.value,
                "failed": name_for_people(one_line(outcome.complaint)),
                "exchanges": list(outcome.exchanges),
            },
        )

    # What the model is shown

    @property
    def _made(self) -> tuple[Proposal, ...]:
        return (*(proposal for proposal, _ in self.told), *self.pending)

    def _drawn_parents(self, seed: Seed) -> list[Telling]:
        if seed.split("fresh").generator().random() < self.fresh:
            return []
        return draw_parents(self.told, self.parents, seed.split("parents"))

    def _opening(self, parents: Sequence[Telling], seed: Seed) -> tuple[Message, ...]:
        drawn = seed.split("inspirations").generator().permutation(sorted(self._library))[: self.inspirations]
        told = [shown(proposal, feedback) for proposal, feedback in self.told]
        task = self.prompts.render(
            "task.md",
            target=self.workbench.target,
            contract=manual.contract(),
            pages=list(manual.pages()),
            language=manual.page("language"),
            tasks=self.workbench.tasks,
            library=manual.method_index(),
            tried=told[max(0, len(told) - self.history) :],
            parents=[shown(proposal, feedback) for proposal, feedback in parents],
            inspirations={str(name): self._library[str(name)] for name in drawn},
        )
        return Message("system", self.prompts.render("system.md")), Message("user", task)

    def _sources(self) -> dict[str, str]:
        """Return what the model may read and edit, by the names that it is told."""
        return {**self._library, **{proposal.hash[:DIGITS]: proposal.source for proposal in self._made}}

    def _known(self) -> dict[str, str]:
        """Return the names of the methods that are not new, by the hashes of their code."""
        for each in self._made:
            self._names.setdefault(source_hash(each.source), f"{each.name} [{each.hash[:DIGITS]}]")
        return self._names


def _stated(
    model: str | None, models: Sequence[Mapping[str, Any]] | None, settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the settings of each model as they were stated.

    Raises:
        ChatError: no model is named, or both ways are used.
    """
    if (model is None) == (not models):
        raise ChatError(
            "the language_model researcher asks a model: name it with `--option model=NAME`, and where it is served "
            "with `--option base_url=URL`; or several with `models`, a list of such settings"
        )
    if models is None:
        return [{"model": model, **settings}]
    if isinstance(models, str) or not all(isinstance(each, Mapping) for each in models):
        raise ChatError('`models` is a list of settings, such as [{"model": "a", "weight": 2}, {"model": "b"}]')
    return [{**settings, **each} for each in models]
