import pytest

from istar.researchers import GrpoResearcher, ResearcherError


def test_without_its_extra_the_researcher_says_what_to_install(monkeypatch):
    monkeypatch.setattr("istar.researchers.grpo.researcher.find_spec", lambda name: None)
    with pytest.raises(ResearcherError, match=r"peft, which is not installed: pip install 'istar\[grpo\]'"):
        GrpoResearcher()
