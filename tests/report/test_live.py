"""A run while it goes on: in a terminal and as a page that loads itself again."""

import json
import re

import numpy as np

from nndiag.cli.live_view import LivePage, Watched
from nndiag.plots.interactive import charts_of
from nndiag.report.live import live_page, live_view
from nndiag.trace import TraceRecorder
from nndiag.training import Progress
from nndiag.verbs.result import text_of
from tests.conftest import made_trace


def running(steps=50):
    losses = np.geomspace(1, 0.01, steps)
    return made_trace(losses, series={"gradient_norm": np.stack([losses, 2 * losses], axis=1)})


def page_of(every):
    trace = running()
    return live_page(trace, name="x", charts=charts_of(trace), line="", every=every)


def test_the_loss_and_each_layers_norm_are_shown_with_how_far_it_is():
    told = text_of(live_view(running(), line="step 50/100"), width=60)
    chart, _, norms = told.partition("gradient norm\n")
    assert "   1 ┤█" in chart
    assert [line.split()[0] for line in norms.splitlines()] == ["layer1", "layer2", "step"]


def test_a_run_without_a_step_is_shown_as_its_line():
    empty = TraceRecorder(layers=("layer1",)).trace()
    assert text_of(live_view(empty, line="starting")) == "starting"


def test_the_page_of_a_running_run_loads_itself_again_and_the_last_one_does_not():
    page = page_of(2.0)
    assert '<meta http-equiv="refresh" content="2">' in page
    assert "refresh" not in page_of(None)


def test_the_page_rests_where_the_run_ends_without_a_report(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    page = LivePage(path, name="x")
    page.watch(running)
    assert not path.exists()  # a short run has its report soon enough
    monkeypatch.setattr("nndiag.cli.live_view._PAGE", 0.0)
    page = LivePage(path, name="x")
    page.watch(running)
    assert "refresh" in path.read_text()
    page.give_up()
    assert "refresh" not in path.read_text()


def test_nobody_watches_unless_it_is_asked_for(tmp_path):
    class Line:
        def __call__(self, progress):
            self.last = progress.step

        def say(self, text):
            self.text = text

        def line_of(self, progress):
            return f"step {progress.step}"

    line = Line()
    with Watched(line, live=False, html=None, name="x") as watched:
        assert watched.watch is None
        watched.progress(Progress(3, 9, 0.5, 0.1, 1.0))
        watched.say("the reference fit")
    assert (line.last, line.text) == (3, "the reference fit")
    with Watched(line, live=False, html=tmp_path / "page.html", name="x") as watched:
        assert watched.watch is not None


def test_the_numbers_of_a_chart_are_the_runs_and_a_long_one_keeps_its_peaks():
    losses = np.ones(100_000)
    losses[54_321] = 1e6
    losses[7] = np.inf
    (curve,) = charts_of(made_trace(losses))["loss"].curves
    assert len(curve.x) <= 1600
    assert curve.y[curve.x.index(54_322)] == 1e6
    assert (curve.x[0], curve.x[-1]) == (1, 100_000)


def test_the_numbers_in_a_page_are_json_and_cannot_end_their_element():
    page = page_of(2.0)
    found = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert [json.loads(text)["title"] for text in found] == ["Loss", "Gradient norm of each layer"]
