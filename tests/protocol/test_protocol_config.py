import json
import re
from pathlib import Path

import pytest

from istar.arms.settings import differing
from istar.executors import ExecutorError
from istar.ledger import RunConfig
from istar.protocol.config import PRESETS, ConfigError, SearchConfig, configure, parse_config
from istar.protocol.provenance import versions
from istar.protocol.run_folder import RunFolder, RunFolderError, find_run
from istar.protocol.setup import check_names
from istar.protocol.stages import TasksError, check_tasks
from istar.tasks import task


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    assert parse_config(PRESETS[name].model_dump_json(), name) == PRESETS[name]


def test_demo_tries_at_least_twelve_methods():
    assert PRESETS["demo"].methods >= 12


def test_faults_are_named_each():
    with pytest.raises(ConfigError, match=r"caps.rows_fraction: .*equal to 1; methods: .*greater than 0"):
        configure("standard", methods=0, caps={"rows_fraction": 2})
    with pytest.raises(ConfigError, match=r"somewhere: nonsense: no such setting; there are .*, target, dtype, "):
        parse_config('{"nonsense": 1}', "somewhere")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"unsafe": "on"}', "unsafe: Input should be a valid boolean"),
        ('{"shuffled": 1}', "shuffled: Input should be a valid boolean"),
        ('{"methods": true}', "methods: Input should be a valid integer"),
        ('{"seed": "7"}', "seed: Input should be a valid integer"),
        ('{"threads": 1.0}', "threads: Input should be a valid integer"),
        ('{"train": {"questions": true}}', r"train\.questions: Input should be a valid integer"),
        ('{"caps": {"seconds": "60"}}', r"caps\.seconds: Input should be a valid number"),
        ('{"screen_floor": NaN}', "screen_floor: Input should be a finite number"),
    ],
)
def test_nothing_is_taken_for_another_kind_of_value(text, fault):
    with pytest.raises(ConfigError, match=f"mine: {fault}"):
        parse_config(text, "mine")
    assert parse_config('{"caps": {"seconds": 60}}', "mine").caps.seconds == 60


def test_settings_not_stated_are_left_alone():
    assert configure("demo", seed=None) == PRESETS["demo"]
    assert configure("demo", seed=3).seed == 3


def test_what_differs_is_named_of_all_settings_and_of_those_that_are_given():
    known = {"seed": 0, "methods": 10, "target": "tiny-random"}
    assert differing(known, {**known, "target": "tiny-text", "methods": 11}) == ["methods", "target"]
    assert differing(known, {"methods": 11}) == ["methods"]
    assert differing(known, {"seed": 0}) == []
    with pytest.raises(KeyError, match="sed"):
        differing(known, {"sed": 0})


def test_run_folder_keeps_its_settings(tmp_path):
    folder = RunFolder(tmp_path / "mine")
    assert not folder.exists
    folder.begin(SearchConfig(seed=1))
    folder.begin(SearchConfig(seed=1))
    assert folder.config().seed == 1
    assert folder.name == "mine"
    with pytest.raises(RunFolderError, match="differing: seed"):
        folder.begin(SearchConfig(seed=2))
    assert find_run("mine", tmp_path) == folder
    assert find_run(str(folder.path), tmp_path / "elsewhere").path == folder.path
    with pytest.raises(RunFolderError, match="there are: mine"):
        find_run("yours", tmp_path)


def test_a_run_from_before_there_was_an_environment_seed_had_one_seed_for_all(tmp_path):
    settings = SearchConfig(seed=3).model_dump(mode="json")
    del settings["environment_seed"]
    folder = RunFolder(tmp_path / "old")
    folder.path.mkdir()
    (folder.path / "config.json").write_text(json.dumps(settings))
    assert folder.config().environment_seed == 3
    stored = RunConfig("id", "tiny-random", "v1", "grammar", "statistician", "log", 3, settings)
    with folder.ledger() as ledger:
        ledger.open_run("old", stored, versions=versions(), machine={})
    with folder.removed_if_unused():
        folder.begin(SearchConfig(seed=3, environment_seed=3))
    with pytest.raises(RunFolderError, match="differing: environment_seed"):
        folder.begin(SearchConfig(seed=3))


def test_settings_of_another_version_are_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"target": "smollm2-135m", "gone": true}')
    with pytest.raises(ConfigError, match="gone"):
        SearchConfig.load(tmp_path)
    with pytest.raises(ConfigError, match="is not a run"):
        SearchConfig.load(tmp_path / "nowhere")


def test_a_setting_that_is_none_names_those_there_are():
    with pytest.raises(
        ConfigError, match=r"file: method: no such setting; did you mean methods\? There are .*, target, "
    ):
        parse_config('{"method": 3}', "file")
    with pytest.raises(ConfigError, match=r"train\.task: no such setting; did you mean tasks\?"):
        parse_config('{"train": {"questions": 1, "task": []}}', "file")


def test_the_settings_in_the_page_on_plug_ins_are_some():
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
    (text,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    config = parse_config(text, "docs/plugins.md")
    assert config.train.tasks == config.screen.tasks == ("dampening",)
    assert config.validation.tasks == ("dampening_held_out",)


@pytest.mark.parametrize("task", ["prompt_ceiling", "length_cliff/names", "test"])
def test_a_researcher_is_never_shown_what_is_held_out(task):
    config = configure("standard", workbench={"tasks": ("train", task)})
    with pytest.raises(TasksError, match=r"a researcher is shown training tasks alone \(`workbench`: `tasks`\)"):
        check_tasks(config, ("screen", "train", "validation"))
    check_tasks(configure("standard", workbench={"tasks": ("train",)}), ("screen", "train", "validation"))


def test_a_test_may_ask_a_validation_family_that_the_run_does_not_validate_on():
    stages = ("screen", "train", "validation", "test")
    demo = PRESETS["demo"]
    check_tasks(demo, stages)
    held_out = task(demo.test.tasks[0]).family
    assert held_out.split == "validation"
    other = {"questions": 2, "tasks": (f"{held_out.name}/{held_out.data_sets[-1]}",)}
    for validation in (other, {"questions": 2, "tasks": ()}, {"questions": 2, "tasks": ("validation",)}):
        config = configure("demo", validation=validation)
        with pytest.raises(TasksError, match="is of the validation split, and the run's validation asks its family"):
            check_tasks(config, stages)
    with pytest.raises(TasksError, match="'shot_shapley/antonyms' is of the train split, and stage 'test' asks"):
        check_tasks(configure("demo", test={"questions": 2, "tasks": ("shot_shapley/antonyms",)}), stages)
    with pytest.raises(TasksError, match="is of the test split, and stage 'validation' asks"):
        check_tasks(configure("demo", validation={"questions": 2, "tasks": ("test",)}), stages)


def test_bits_want_an_executor_that_states_beliefs():
    check_names(SearchConfig(reward="mdl"))
    options = {"model": "scripted/keeper", "parameters": 10**8}
    with pytest.raises(ExecutorError, match="'mdl' is about what the executor believes of rows, and 'language_model'"):
        check_names(SearchConfig(reward="mdl", executor="language_model", executor_options=options))
