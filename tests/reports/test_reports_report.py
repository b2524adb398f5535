import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest
from synthetic_ledger import RUN, SOURCE, fill

from istar.ledger import Ledger, MissingRecordError, PartRecord, ProposalRecord, RoundRecord, RunConfig, Tried
from istar.reports import figures, write_report
from istar.reports.findings import gather
from istar.reports.highlight import highlight
from istar.reports.report import render, verdicts, warnings
from istar.rewards.intervals import Intervals


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite") as opened:
        fill(opened)
        yield opened


@pytest.fixture(scope="module")
def findings(ledger):
    return gather(ledger, RUN)


@pytest.fixture(scope="module")
def page(ledger, tmp_path_factory):
    return write_report(ledger, RUN, tmp_path_factory.mktemp("report") / "new" / "report.html").read_text()


class _Page(HTMLParser):
    """Collects what a browser would fetch, the ids and links, and the figures."""

    def __init__(self, text):
        super().__init__()
        self.outside, self.ids, self.anchors, self.open, self.scripts = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.outside += [given[name] for name in ("src", "data", "action") if name in given]
        if tag == "link":
            self.outside.append(given.get("href"))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.anchors.append(given["href"])
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((given.get("type"), ""))

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"


def test_the_page_is_whole_and_needs_no_network(page):
    parsed = _Page(page)
    assert parsed.open == []
    assert parsed.outside == []
    assert "@import" not in page.split("</style>")[0]
    assert "url(" not in page.split("</style>")[0]
    assert len(page.encode()) < 6_000_000
    assert page.count("plotly.js v") == 1


def test_links_lead_to_sections(page):
    parsed = _Page(page)
    assert {anchor.removeprefix("#") for anchor in parsed.anchors} <= set(parsed.ids)
    assert len(parsed.anchors) == 9


def test_every_figure_is_one_that_plotly_accepts(page):
    specifications = [json.loads(text) for kind, text in _Page(page).scripts if kind == "application/json"]
    assert len(specifications) == 1 + 8 + 1 + 2 + 1
    for specification in specifications:
        go.Figure(specification)


def test_the_page_tells_what_the_design_asks_for(page, findings):
    text = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    for expected in (
        "I* is logit_lens_24",
        "sealed test",
        "95% interval",
        "split-half reliability 0.61 is under the floor of 0.8",
        "brute force is only 140 times the dearest run",
        "Validation was consulted <b>4</b> times",
        "the sealed test was opened <b>1</b> time.",
        "import of &#39;os&#39;",
        "torch 2.13.0",
        "processor: x86_64",
        "mean over skill 0.5, 0.8, 0.9 of log10",
        "Lineage of I*",
    ):
        assert expected in text, expected
    assert findings.champion.source.splitlines()[2] == "import torch"
    assert '<span class="keyword">import</span> torch' in text


def test_what_the_champion_puts_side_by_side_is_named(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger)
        champion = gather(ledger, RUN).champion
        assert champion.parts == ()
        assert "side by side" not in render(gather(ledger, RUN))
        parts = [PartRecord(champion.proposal.iteration, slot, str(slot) * 64, f"Word <{slot}>") for slot in (1, 2)]
        ledger.add_method(RUN, champion.proposal, champion.source, [(part, part.title) for part in parts])
        page = render(gather(ledger, RUN))
    assert "It puts 2 methods side by side" in page
    assert f'Word &lt;1&gt; <span class="note">sha256 <code>{"1" * 16}</code>' in page


def test_the_champion_is_the_last_that_improved_and_its_lineage_leads_to_it(findings):
    champion = findings.champion
    assert champion.proposal.iteration == [each.iteration for each in findings.rounds if each.improved][-1]
    assert champion.lineage[-1] == champion.proposal.iteration
    for earlier, later in zip(champion.lineage, champion.lineage[1:], strict=False):
        assert findings.proposals[earlier].method in findings.proposals[later].parents
    assert set(champion.summaries) == {"train", "validation", "test"}


def test_mean_curves_are_the_means_of_the_stored_ones(ledger, findings):
    shown = next(each for each in findings.champion.curves if each.task == "loss_quantile/verses")
    _, white = ledger.paired_curves(RUN, "test", findings.champion.proposal.method)
    skills = np.array([curve.skill for curve in white if curve.task == shown.task])
    assert skills.shape == (32, 17)
    np.testing.assert_allclose(shown.white.mean, skills.mean(0))
    np.testing.assert_allclose(shown.white.high, skills.reshape(8, 4, 17).mean(0).max(0))
    assert (shown.questions, shown.seeds, shown.stage) == (8, 4, "test")
    assert shown.budgets[-1] == pytest.approx(1.0)


def test_what_intervals_are_worth_is_said_where_curves_keep_them(findings, page):
    assert "intervals held" not in page
    assert findings.champion.intervals["test"] == (Intervals(None, None, None),) * 2
    with_it, without = Intervals(0.951, 0.9, 0.2), Intervals(0.94, 0.925, 0.333)
    champion = replace(
        findings.champion,
        intervals={"test": (with_it, without)},
        curves=tuple(
            replace(each, white=replace(each.white, intervals=with_it), black=replace(each.black, intervals=without))
            for each in findings.champion.curves
        ),
    )
    told = render(replace(findings, champion=champion))
    assert "held the truth in 95.1% of cases with the method and in 94.0% without; where it stopped, 90.0%" in told
    assert told.count("95% intervals held 95% with, 94% without") == len(champion.curves)


def test_flops_by_operation_are_the_sum_over_evaluations(ledger, findings):
    method = findings.champion.proposal.method
    total = sum(each.spending.by_op["aten.mm"] for each in ledger.evaluations(RUN, method=method))
    assert findings.champion.flops_by("by_op")["aten.mm"] == total
    specification = figures.spending(findings.champion, "by_op", most=2)
    assert specification["data"][0]["y"] == ["mm", "bmm", "all others"]
    assert sum(specification["data"][0]["x"]) == pytest.approx(100)


def test_both_arms_have_their_colours_in_every_curve(findings):
    for curves in findings.champion.curves:
        lines = [trace for trace in figures.efficiency(curves)["data"] if trace["mode"] == "lines" and "name" in trace]
        assert [(line["name"], line["line"]["color"]) for line in lines] == [
            ("black box", figures.BLACK_BOX),
            ("white box", figures.WHITE_BOX),
        ]


def test_the_forest_marks_bounds(findings):
    stage, summary = "test", findings.champion.summaries["test"]
    family = summary.families[0]
    bounded = replace(
        family, multipliers={0.5: _bounded(family, 0.5), 0.8: family.multipliers[0.8], 0.9: _bounded(family, 0.9)}
    )
    specification = figures.forest({stage: replace(summary, families=(bounded,))})
    symbols = [trace["marker"]["symbol"] for trace in specification["data"]]
    assert symbols == [["triangle-right-open"], ["circle"], ["triangle-right-open"]]


def _bounded(family, level):
    return replace(family.multipliers[level], bound="at_least", censored=True)


def test_a_run_whose_test_is_sealed_says_so(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as sealed:
        fill(sealed, unseal=False)
        found = gather(sealed, RUN)
        assert verdicts(found)[0].startswith("On validation")
        assert "The test is sealed" in verdicts(found)[-1]
        assert "Efficiency curves" in render(found)


def test_a_run_in_which_every_method_failed_still_has_a_report(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as failed:
        fill(failed, rounds=3, strengths=[-1.0, -1.0, -1.0])
        found = gather(failed, RUN)
        assert found.champion is None
        assert verdicts(found) == ["No method came through training, so there is no I*."]
        assert "No method found" in render(found)


def test_a_run_before_its_first_round_has_a_report(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as empty:
        empty.open_run(RUN, RunConfig("t", "tiny", "v1", "random", "e", "log", 0), versions={}, machine={})
        found = gather(empty, RUN)
        assert warnings(found) == ["The search is not finished; figures may change."]
        assert "The ledger holds no tasks" in render(found)


def test_a_method_that_never_met_validation_is_called_a_candidate(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger, rounds=1, strengths=[1.0], unseal=False)
        found = gather(ledger, RUN)
        unvalidated = replace(found, champion=replace(found.champion, validated=False))
        assert verdicts(unvalidated)[0].startswith("No method passed validation")
        assert "Leading candidate: " in render(unvalidated)


def test_a_control_says_that_it_is_one(findings):
    config = replace(findings.run.config, options={**findings.run.config.options, "shuffled": True})
    control = replace(findings, run=replace(findings.run, config=config))
    assert "This is a control" in " ".join(warnings(control))
    assert "This is a control" not in " ".join(warnings(findings))


def test_openings_beyond_the_first_and_missing_isolation_are_warned_of(findings):
    assert findings.opened == {"loss_quantile": 1}
    assert "opened more than once" not in " ".join(warnings(findings))
    twice = replace(findings, opened={"loss_quantile": 2}, run=replace(findings.run, machine={"tier": "plain"}))
    found = " ".join(warnings(twice))
    assert "opened more than once, by the runs of this ledger: loss_quantile 2 times." in found
    assert "by all runs of this ledger: <code>loss_quantile</code> 2.</p>" in render(twice)
    assert "without isolation" in found


def test_how_a_policy_learned_is_shown_where_its_entropy_was_recorded(findings, page, tmp_path):
    assert findings.entropies == {}
    assert "How the researcher learned" not in page
    entropies = [1.0 - 0.05 * iteration for iteration in range(14)]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger, entropies=entropies)
        found = gather(ledger, RUN)
        shown = _Page(render(found))
    assert "learning" in shown.ids
    assert "#learning" in shown.anchors
    specification = figures.learning(found.entropies, found.rounds)
    go.Figure(specification)
    entropy, reward = specification["data"]
    assert (entropy["x"], entropy["y"]) == (list(range(14)), pytest.approx(entropies))
    told = [each for each in found.rounds if each.reward is not None]
    assert len(told) == 13
    assert reward["x"] == [each.iteration for each in told]
    assert reward["y"][0] == pytest.approx(told[0].reward, rel=1e-4)
    assert reward["y"][-1] == pytest.approx(np.mean([each.reward for each in told[-10:]]), rel=1e-4)


HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)>"


def test_what_a_method_says_is_never_run_by_the_page(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.open_run(RUN, RunConfig("t", HOSTILE, "v1", HOSTILE, "e", HOSTILE, 0), versions={}, machine={})
        ledger.add_method(RUN, ProposalRecord(0, "m", HOSTILE, (), {"x": HOSTILE}), f'"""{HOSTILE}"""\n# {HOSTILE}\n')
        ledger.add_round(RUN, RoundRecord(0, "m", "train", "ok", HOSTILE, 1.0, None, 1.0, True, "m", 1.0))
        page = render(gather(ledger, RUN))
    parsed = _Page(page)
    assert parsed.outside == [], "no image of the method's is fetched"
    assert not any("alert('x')" in text for kind, text in parsed.scripts if kind != "application/json")
    assert HOSTILE not in page


def test_what_a_browser_would_hide_or_obey_is_written_out(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger)
        findings = gather(ledger, RUN)
    champion = replace(findings.champion, source="x = 1  # \u202etrap\x1b[31m\n")
    rounds = (replace(findings.rounds[0], reason="\u2066why\u200f \x07"), *findings.rounds[1:])
    page = render(replace(findings, champion=champion, rounds=rounds))
    shown = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert r"# \u202etrap\x1b[31m" in shown
    assert r"\u2066why\u200f \x07" in shown
    assert not set("\u202e\u2066\u200f\x1b\x07") & set(shown)


def test_an_unknown_run_is_an_error(ledger, tmp_path):
    with pytest.raises(MissingRecordError, match="no run 'nope'"):
        write_report(ledger, "nope", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_the_same_ledger_gives_the_same_page(findings, page):
    assert render(findings) == page


@pytest.mark.parametrize("source", [SOURCE, "x = 1\n", "def broken(:\n  '''", "", "a = f'{1+1}' # né\n\tß = '€'"])
def test_highlighting_loses_no_character(source):
    marked = highlight(source)
    plain = re.sub(r"</?span[^>]*>", "", marked)
    assert (
        plain.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#x27;", "'")
        .replace("&quot;", '"')
        .replace("&amp;", "&")
        == source
    )


def test_what_was_tried_before_is_said(findings):
    """A search that looked at more of training is not shown as one that did not."""
    peeking = replace(findings, tried=Tried(checks=1, scores=3, questions=24, flops=12 * 10**11))
    found = " ".join(warnings(peeking))
    assert "1 method checked, 3 scores on 24 training questions (1.2 TFLOP)" in found
    assert "1.2 TFLOP" in render(peeking)
    assert "tried some" not in " ".join(warnings(findings))


def test_it_says_what_the_executor_believed_of_the_method(ledger, findings, page):
    section = page[page.index('<section id="believed">') : page.index('<section id="search">')]
    assert section.count("bought and used (correlation with the answer 0.52 at first, 0.79 in the end)") == len(
        findings.champion.curves
    )
    for shown in ("0.61 / 0.83", "0.12%", "0.86%", "4.3%", "+0.034"):
        assert shown in section
    champion = replace(
        findings.champion, curves=tuple(replace(each, believed=None) for each in findings.champion.curves)
    )
    assert 'id="believed"' not in render(replace(findings, champion=champion))
