"""Steps of a real GRPOTrainer with a tiny model that samples tool calls, where TRL is installed."""

import json
import random

import numpy as np
import pytest
import torch
from datasets import Dataset
from tiny_bigram import bigram_model, chances
from trl import GRPOConfig, GRPOTrainer

from istar.environments import open_environment
from istar.environments.trl import MethodEnvironment


@pytest.fixture(scope="module")
def environment(settings, tmp_path_factory):
    with open_environment(tmp_path_factory.mktemp("run") / "episodes", settings) as opened:
        yield opened


def test_grpo_learns_to_submit_what_is_rewarded(environment, source, tmp_path):
    """A bigram model that submits one of two methods, one of which fails: what it learns is to submit the other."""
    methods = [
        {"name": "submit", "arguments": {"source": source, "name": "good"}},
        {"name": "submit", "arguments": {"source": "import os\n", "name": "bad"}},
    ]
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    calls = [json.dumps(each) for each in methods]
    model, tokenizer = bigram_model(calls, MethodEnvironment(environment).reset())
    row = {"prompt": [{"role": "user", "content": "Write a method.\n"}], "seed": 1}
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list([row] * 8),
        environment_factory=lambda: MethodEnvironment(environment),
        args=GRPOConfig(
            output_dir=str(tmp_path),
            max_steps=3,
            per_device_train_batch_size=8,
            num_generations=8,
            max_completion_length=2048,
            max_tool_calling_iterations=1,
            learning_rate=0.1,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            seed=0,
        ),
    )
    before = chances(model, tokenizer, calls)
    trainer.train()
    steps = [entry for entry in trainer.state.log_history if "rewards/MethodEnvironment/mean" in entry]
    assert len(steps) == 3
    assert all(step["tools/call_frequency"] == 1.0 and step["tools/failure_frequency"] == 0.0 for step in steps)
    assert any(step["rewards/MethodEnvironment/std"] > 0 for step in steps)
    after = chances(model, tokenizer, calls)
    assert before[0] == pytest.approx(before[1], rel=0.01)
    assert after[0] > 1.5 * after[1]
