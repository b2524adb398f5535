"""A conversation with a model, from the first prompt to a method that is new and passes its check, if one comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from istar.chat import Message, Models, Tool, ToolCall
from istar.errors import printable
from istar.identity import source_hash
from istar.methods import check_source
from istar.researchers.language_model.looking import page, task_rows
from istar.researchers.language_model.population import one_line
from istar.researchers.language_model.prompts import Prompts, as_data
from istar.researchers.language_model.writing import (
    LAST,
    CallError,
    EditMethod,
    ReadMethod,
    ReadPage,
    ReadTask,
    WriteMethod,
    Written,
    arguments_of,
    chat_tools,
    source_of,
    written,
)
from istar.researchers.workbench import Check, Workbench
from istar.seeds import Seed


@dataclass(frozen=True)
class Patience:
    """What a conversation may take.

    Attributes:
        max_tokens: the most tokens of one reply.
        repairs: how often what is wrong goes back to the model.
        reading: how often it may read.
    """

    max_tokens: int
    repairs: int
    reading: int


@dataclass(frozen=True)
class Outcome:
    """What came of a conversation.

    Attributes:
        method: the method that was handed in; None for none that is new.
        complaint: what is still wrong with it, or why there is none; empty if all is well.
        exchanges: hashes of what was exchanged, in order.
    """

    method: Written | None
    complaint: str
    exchanges: tuple[str, ...]


class Conversation:
    """A conversation with one model.

    Args:
        models: the models.
        number: of the one that is talked to.
        prompts: what it is told.
        workbench: what methods are checked with.
        sources: sources that it may read and edit, by the names that it is told.
        known: the methods that are not new: their names by the hashes of their code (`istar.identity.source_hash`).
        patience: what the conversation may take.
    """

    def __init__(
        self,
        models: Models,
        number: int,
        prompts: Prompts,
        workbench: Workbench,
        sources: Mapping[str, str],
        known: Mapping[str, str],
        patience: Patience,
    ) -> None:
        """See the class docstring."""
        self._models, self._number, self._prompts, self._workbench = models, number, prompts, workbench
        self._sources, self._known, self._patience = dict(sources), known, patience
        self._tools: tuple[Tool, ...] = chat_tools()
        self._readings = 0
        self._failures = 0
        self._failed: Written | None = None
        self._complaint = ""
        self._faults: dict[str, str] = {}  # what was found wrong, by the code's hash: no file is run twice

    def run(self, opening: tuple[Message, ...], seed: Seed) -> Outcome:
        """Talk until a method is handed in that is new and passes, or the patience is at its end.

        Args:
            opening: the first messages.
            seed: of what the model samples.

        Raises:
            BudgetError: the budget of the models is spent.
            ChatError: the model does not answer.
        """
        messages = list(opening)
        exchanges: list[str] = []
        while self._failures <= self._patience.repairs:
            exchange = self._models.ask(
                self._number,
                messages,
                self._tools,
                max_tokens=self._patience.max_tokens,
                seed=seed.split("turn", len(exchanges)).value,
            )
            exchanges.append(exchange.hash)
            reply = exchange.reply
            messages.append(reply.message)
            if reply.stop == "refusal":
                if self._failed is None:
                    self._complaint = f"it refused: {one_line(printable(reply.message.content))}"
                return Outcome(self._failed, self._complaint, tuple(exchanges))
            cut_off = reply.stop == "length"
            for call in reply.message.calls:
                answer = self._answer(call, cut_off)
                if isinstance(answer, Written):
                    return Outcome(answer, "", tuple(exchanges))
                messages.append(Message("tool", answer, call=call.id))
            if not reply.message.calls:
                self._failures += 1
                if self._failed is None:
                    self._complaint = "its reply was cut off" if cut_off else "it called no tool"
                messages.append(
                    Message(
                        "user",
                        self._prompts.render("no_call.md", cut_off=cut_off, max_tokens=self._patience.max_tokens),
                    )
                )
        return Outcome(self._failed, self._complaint, tuple(exchanges))

    def _answer(self, call: ToolCall, cut_off: bool) -> str | Written:
        """Return what is said to a call: a text, or the method that it hands in if nothing is wrong with it."""
        try:
            asked = arguments_of(call)
            if isinstance(asked, WriteMethod | EditMethod):
                method = written(asked, self._sources)
                complaint = self._fault_of(method)
                if not complaint:
                    return method
            else:
                return self._read(asked)
        except CallError as error:
            complaint = str(error)
            if cut_off:
                complaint += f"; the reply was cut off after {self._patience.max_tokens} tokens: write less"
            if self._failed is None:
                self._complaint = complaint
        self._failures += 1
        left = max(0, self._patience.repairs + 1 - self._failures)
        return self._prompts.render("failed.md", complaint=complaint, left=left)

    def _fault_of(self, method: Written) -> str:
        """Return what is wrong with a method, empty if nothing is; it is run only if it is new and may be."""
        self._sources[LAST] = method.source
        code = source_hash(method.source)
        same = self._known.get(code)
        if same is not None:
            complaint = f"this is {same} again: nothing but comments, docstrings or layout differs; hand in another"
            if self._failed is None:
                self._complaint = complaint
            return complaint
        faults = check_source(method.source)
        if code in self._faults:
            complaint = self._faults[code]
        elif faults:
            complaint = "\n".join(map(str, faults))
        elif self._workbench.checks_left > 0:
            complaint = faults_found(self._workbench.check(method.source, method.name))
        else:
            complaint = ""
        if complaint:
            self._failed, self._complaint = method, complaint
            self._faults[code] = complaint
        return complaint

    def _read(self, asked: object) -> str:
        """Return what a tool of reading gives.

        Raises:
            CallError: there is none of this name, or it has read enough.
        """
        self._readings += 1
        if self._readings > self._patience.reading:
            raise CallError(f"you have read {self._patience.reading} times, which is enough; hand in a method")
        if isinstance(asked, ReadPage):
            return page(asked.page)
        if isinstance(asked, ReadMethod):
            return as_data(source_of(asked.method, self._sources))
        assert isinstance(asked, ReadTask)
        return as_data(task_rows(self._workbench, asked.task))


def faults_found(check: Check) -> str:
    """Return what a check found wrong, a line each; empty if it found nothing."""
    lines = [*check.faults, *([f"interpret: {check.error}"] if check.error else [])]
    by_error: dict[str, list[str]] = {}
    for each in check.questions:
        if each.error:
            by_error.setdefault(each.error, []).append(each.question)
    lines += [f"{error} (on {', '.join(questions)})" for error, questions in by_error.items()]
    return "\n".join(lines)
