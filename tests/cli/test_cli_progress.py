"""What is said before long work begins."""

from istar.cli.progress import loading
from istar.targets.embedded import FOLDER_NAME, MANIFEST


def test_the_conversion_of_the_embedded_weights_is_announced_and_only_the_first(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    assert "the weights of smollm2-135m are converted, once" in loading("smollm2-135m")
    assert loading("tiny-random") == "loading"
    note = tmp_path / "targets" / FOLDER_NAME / MANIFEST
    note.parent.mkdir(parents=True)
    note.write_text("{}")
    assert loading("smollm2-135m") == "loading"
