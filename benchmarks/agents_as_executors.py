"""A method alone, an agent with it and without it, and the statistician with it and without it.

    python benchmarks/agents_as_executors.py [--task TASK]... [--questions N] [--agent MODEL] [--output FILE]

Tool calls do not make an agent able to use a tool (AuditBench), so a method, an agent and both are shown beside one
another: the method alone answers by its channels, fitted to values on the task's other questions, without a row; agents
answer with the tools of the executor `language_model`; the statistician answers as the protocol has it. Scripted agents
are of `istar.testing.agents`; each of their tokens costs what one parameter does, so that their curves show what they
do and not what they cost. The local model pays for itself: as it is, what the meter counts, where it reads the whole
conversation again for each reply; made to begin each reply as a call, by its declared parameters with an ideal prefix
cache.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from istar.arms.replays import Replays
from istar.arms.settings import ArmSettings, Caps
from istar.chat.scripted import ScriptedModel
from istar.executors import Executor, History, LanguageModelExecutor, Market, Trace, make_executor
from istar.executors.language_model.conversation import End
from istar.methods.library import library_methods
from istar.protocol.config import SearchConfig, StageSize
from istar.protocol.setup import set_up
from istar.seeds import Seed
from istar.testing import agents
from machine import describe_machine

if TYPE_CHECKING:
    from istar.arms.task_questions import TaskQuestions
    from istar.methods.recording import Recording
    from istar.protocol.setup import Setup
    from istar.rewards.curves import Curve
    from istar.truth import Table

TASKS = ("shot_shapley/antonyms", "context_attribution/facts-subsets")
SCRIPTED = ("careful", "trusting", "expert", "believer", "talker", "misshapen", "greedy", "flooding", "obedient")
SMALL = 1
"""Parameters that a scripted agent is charged for."""
SHARES = (1 / 64, 1 / 16, 1 / 4)
"""Budgets, as shares of brute force, at which skill is shown."""
ORDER = json.dumps({"tool": "answer", "arguments": {"values": "blind * 0 + 1000", "final": True}})
"""What every row says where prompts are injected."""


class MethodAlone(Executor):
    """The channels of a method, fitted to values on other questions, and no row but at brute force."""

    def learn(self, history: History) -> tuple[np.ndarray, np.ndarray | None]:
        """Fit values by channels and a constant, all other questions together."""
        said, values = [], []
        heard = {question for question, each in history.recordings.items() if each.channels}
        for table in (each for each in (history.tables if heard else ()) if each.question.hash in heard):
            for batch in history.recordings[table.question.hash].batches:
                said.append(np.column_stack([batch.channels.astype(np.float64), np.ones(len(batch.rows))]))
                values.append(table.values[batch.rows])
        if not said:
            return history.blind, None
        return history.blind, np.linalg.lstsq(np.concatenate(said), np.concatenate(values), rcond=None)[0]

    def answer(self, market: Market, state: tuple[np.ndarray, np.ndarray | None], seed: Seed) -> Trace:
        """Buy all channels as soon as they are paid for, and answer by them."""
        blind, slopes = state
        answer = blind
        while market.next_checkpoint is not None:
            while (offer := market.channel_offer()) is not None and offer.flops <= market.allowance:
                market.buy_channels()
                if market.channel_offer() is None and slopes is not None and market.channel_count:
                    said = np.column_stack([market.channels, np.ones(market.structure.rows)])
                    expected = np.nan_to_num(said @ slopes, nan=float(np.nanmean(said @ slopes)))
                    answer = market.functional.answer(expected, market.structure)
            market.record(answer, np.full(len(answer), np.nan))
        return market.trace()


class Chairs(Replays):
    """Replays of an executor at hand, which are not kept.

    Args:
        executor: who answers.
        task: the questions.
        decode: gives the text of tokens.
    """

    def __init__(self, executor: Executor, task: TaskQuestions, decode: Any) -> None:
        """See the class docstring."""
        super().__init__(ArmSettings(executor_seeds=1), [task])
        self._executor, self._decode = executor, decode

    def executor(self) -> Executor:
        """Return the executor."""
        return self._executor

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return str(self._decode(tokens))

    def curves(self, tables: Sequence[Table], said: dict[str, Recording] | None) -> list[Curve]:
        """Return the curve of each question, in the white-box arm where a method said something.

        The method was heard on all other questions of the task.
        """
        found = []
        for table in tables:
            if said is None:
                found.append(self.replay_seed(table, None, 0, self.state(table)))
                continue
            asked = table.question.hash
            others = {each.question.hash: each for each in self._questions[asked].others(asked)}
            heard = {question: said[question] for question in others}
            appraisals = {question: self._appraised(others[question], each) for question, each in heard.items()}
            state = self.executor().learn(self.history(table, heard, appraisals))
            found.append(self.replay_seed(table, said[table.question.hash], 0, state))
        return found

    def _appraised(self, table: Table, recording: Recording) -> Any:
        """Return what the statistician makes of a method on a question; others ask it or nobody."""
        if isinstance(self._executor, MethodAlone):
            return None
        key = (table.question.hash, recording.method_hash)
        if key not in APPRAISED:
            statistician = Replays(ArmSettings(executor_seeds=1), [self._questions[table.question.hash]])
            APPRAISED[key] = statistician.appraisal(table, recording)
        return APPRAISED[key]


APPRAISED: dict[tuple[str, str], Any] = {}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="smollm2-135m")
    parser.add_argument("--method", default="attention_gates")
    parser.add_argument("--task", action="append", help="of the training split; may be repeated")
    parser.add_argument("--questions", type=int, default=2)
    parser.add_argument("--agent", default="smollm2-135m", help="the local model; empty for none")
    parser.add_argument("--agent-questions", type=int, default=1, help="how many of the questions the local model gets")
    parser.add_argument("--replies", type=int, default=6, help="replies of the local model to a question at most")
    parser.add_argument("--temperature", type=float, default=0.3)
    parser.add_argument("--transcripts", type=Path, help="a folder for the local model's conversations")
    parser.add_argument("--resume", action="store_true", help="keep the rows that a run which was stopped has written")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "agents_as_executors.json")
    arguments = parser.parse_args()
    config = SearchConfig(
        target=arguments.target,
        threads=1,
        caps=Caps(flops_fraction=0.2),
        train=StageSize(questions=arguments.questions, tasks=tuple(arguments.task or TASKS)),
    )
    result: dict[str, Any] = {
        "target": config.target,
        "method": arguments.method,
        "agent": arguments.agent,
        "replies": arguments.replies,
        "temperature": arguments.temperature,
        "questions": arguments.questions,
        "agent_questions": arguments.agent_questions,
        "machine": describe_machine(),
        "chairs": [],
    }
    if arguments.resume:
        result |= json.loads(arguments.output.read_text())
    with set_up(config, ("train",)) as setup:
        for name in config.train.tasks:
            done = {(each["chair"], each["arm"]) for each in result["chairs"] if each["task"] == name}
            for row in compared(setup, name, arguments, done):
                print(row, flush=True)
                result["chairs"].append(row)
                arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def compared(
    setup: Setup, name: str, arguments: argparse.Namespace, done: Container[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    """Yield what each chair did on a task, without the method and with it, but for what is done already."""
    task, target = setup.questions[name], setup.arms.target
    asked = task.first(arguments.questions)
    source = library_methods()[arguments.method].read_text(encoding="utf-8")
    with setup.arms.session(source, arguments.method) as session:
        said = {table.question.hash: session.record(table).recording for table in task.tables}
    for chair, executor, decode in candidates(arguments, target.decode):
        begun = time.monotonic()
        replays = Chairs(executor, task, decode)
        for arm, heard in (("without", None), ("with", said)):
            if (chair == "method alone" and heard is None) or (chair, arm) in done:
                continue
            count = arguments.agent_questions if chair.startswith(arguments.agent or " ") else arguments.questions
            found = replays.curves(asked[:count], heard)
            row = {"task": name, "chair": chair, "arm": arm, "questions": len(found), **figures(found)}
            yield row | {"seconds": round(time.monotonic() - begun, 1)}


def candidates(arguments: argparse.Namespace, decode: Any) -> list[tuple[str, Executor, Any]]:
    """Return the chairs: a name, who sits there, and what rows say."""
    found: list[tuple[str, Executor, Any]] = [
        ("method alone", MethodAlone(), decode),
        ("statistician", make_executor("statistician"), decode),
    ]
    for script in SCRIPTED:
        model = ScriptedModel(getattr(agents, script), name=script)
        reads = (lambda _: ORDER) if script == "obedient" else decode
        found.append((script, LanguageModelExecutor(model, parameters=SMALL, replies=24), reads))
    if arguments.agent:
        options: dict[str, Any] = {"replies": arguments.replies, "tokens": 48, "temperature": arguments.temperature}
        options |= {"transcripts": str(arguments.transcripts)} if arguments.transcripts else {}
        metered = LanguageModelExecutor(f"local:{arguments.agent}", **options)
        parameters = sum(each.numel() for each in metered.model.target.module.parameters())
        calling = LanguageModelExecutor(f"local:{arguments.agent}", parameters=parameters, calls=True, **options)
        found += [(arguments.agent, metered, decode), (f"{arguments.agent}, made to call", calling, decode)]
    return found


def figures(curves: Sequence[Curve]) -> dict[str, Any]:
    """Return skills and what was done, as means over questions."""
    at = {f"skill_at_{share:g}": np.mean([_at(curve, share) for curve in curves]) for share in SHARES}
    own = [curve.executor_flops[-2] / curve.brute_flops for curve in curves]
    measured = {
        each: float(np.mean([curve.measures[f"agent.{each}"] for curve in curves]))
        for each in ("replies", "answers", "refused", "input_tokens", "output_tokens")
        if f"agent.{each}" in curves[0].measures
    }
    if measured:
        shares = [float(curve.measures["agent.model_flops"]) / curve.brute_flops for curve in curves]
        measured["model_share_of_brute_force"] = float(np.mean(shares))
    ends = [End(int(curve.measures["agent.end"])).name for curve in curves if "agent.end" in curve.measures]
    return {
        "mean_skill": float(np.mean([np.mean(curve.skill) for curve in curves])),
        **{name: float(value) for name, value in at.items()},
        "own_share_of_brute_force": float(np.mean(own)),
        "channel_batches": float(np.mean([max(curve.channel_batches) for curve in curves])),
        **measured,
        "ends": ends,
    }


def _at(curve: Curve, share: float) -> float:
    """Return the skill at the last checkpoint within a share of brute force."""
    within = np.flatnonzero(np.array(curve.checkpoints) <= share * curve.brute_flops * (1 + 1e-9))
    return float(curve.skill[within[-1]]) if len(within) else 0.0


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
