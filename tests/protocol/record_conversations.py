"""Records the conversations that `test_protocol_language_model.py` replays, with a scripted model behind an endpoint.

    PYTHONPATH=tests/protocol:tests/chat python tests/protocol/record_conversations.py

To be run again where what the model is sent has changed: the tools, the messages of the fence or of the check. What is
recorded is sent no figure that might differ between processors: the prompts beside it show no rewards.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import scripted_writer
from served_models import Endpoint
from tiny_truth import build_tiny_truth

from istar.chat import TRANSCRIPT_FILE
from istar.protocol.config import SearchConfig, StageSize
from istar.protocol.run_folder import RunFolder
from istar.protocol.setup import conduct
from istar.sandbox import tier_report

RECORDED = Path(__file__).parent / "recorded_conversations"
SETTINGS = RECORDED / "settings.json"


def tiny_config(names, **changes):
    """Return settings of a search on the tiny target by a language model."""
    train = StageSize(questions=2, tasks=(names["train"],))
    return SearchConfig(
        target="tiny-random",
        researcher="language_model",
        threads=1,
        executor_seeds=1,
        corpus_sequences=4,
        corpus_length=24,
        screen=StageSize(questions=1, tasks=train.tasks),
        screen_floor=-5.0,
        validate_above=-5.0,
        prune_level=0.0,
        train=train,
        validation=StageSize(questions=2, tasks=(names["validation"],)),
        unsafe=not tier_report().safe,
        **changes,
    )


def options(url, prompts=RECORDED / "prompts"):
    """Return the researcher's options; both parents are always shown, so that none is chosen by a reward."""
    return {
        "model": "scripted",
        "base_url": url,
        "prompts": str(prompts),
        "fresh": 0.0,
        "parents": 3,
        "inspirations": 0,
        "repairs": 3,
    }


def main():
    """Search, and keep the transcript."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        os.environ["ISTAR_HOME"] = home
        names = build_tiny_truth(patch)
        endpoint = Endpoint(scripted_writer.answer)
        config = tiny_config(names, methods=len(scripted_writer.NAMES), researcher_options=options(endpoint.url))
        conduct(RunFolder(Path(home) / "run"), config)
        endpoint.close()
        shutil.copy(Path(home) / "run" / TRANSCRIPT_FILE, RECORDED / TRANSCRIPT_FILE)


if __name__ == "__main__":
    main()
