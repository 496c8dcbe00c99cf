"""Every trace can be drawn, and the drawing shows what is in it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from nndiag.errors import RunError
from nndiag.plots import gradient_norms, loss, losses, prediction, save_plots
from nndiag.plots.curves import MOST_POINTS, STRETCHES
from nndiag.plots.gradient_norms import _colour
from nndiag.plots.legend import _columns
from nndiag.trace import Ending, Facts, Series, Trace
from nndiag.trace.classes import plane_of
from tests.searching import examples


def axes():
    return Figure().add_subplot()


def run(losses, *, batch_size=4, layers=2, inputs=1):
    losses = np.asarray(losses, dtype=float)
    steps = np.arange(len(losses))
    norms = np.repeat(np.abs(losses)[:, None], layers, axis=1)
    rng = np.random.default_rng(0)
    return Trace(
        steps,
        losses,
        {
            "gradient_norm": Series(steps, norms),
            "validation_loss": Series(steps[:1], np.array([2.0])),
            "training_loss": Series(steps[:1], np.array([1.5])),
        },
        layers=tuple(f"layer{number + 1}" for number in range(layers)),
        facts=Facts(
            inputs=rng.normal(size=(4, inputs)),
            targets=rng.normal(size=(4, 1)),
            baseline_loss=1.0,
            batch_size=batch_size,
        ),
        ending=Ending("finished", 0.1, predictions=rng.normal(size=(4, 1))),
    )


def labels(drawn):
    return drawn.get_legend_handles_labels()[1]


def line(drawn, label):
    return next(one for one in drawn.lines if one.get_label() == label)


def test_the_loss_is_drawn_as_its_logarithm_with_what_it_is_compared_with():
    drawn = axes()
    assert loss.draw(run([1.0, 0.1, 0.01]), drawn)
    assert labels(drawn) == ["training", "validation", "mean baseline"]
    np.testing.assert_allclose(line(drawn, "training").get_ydata(), [0, -1, -2])


def test_a_run_of_mini_batches_also_shows_the_loss_of_all_examples():
    drawn = axes()
    loss.draw(run(np.ones(50), batch_size=1), drawn)
    assert "all training examples" in labels(drawn)
    assert any(label.startswith("batches") for label in labels(drawn))


def test_the_onset_and_the_overflow_are_marked():
    drawn = axes()
    loss.draw(run([1.0, 10.0, np.inf]), drawn, onset=1)
    assert line(drawn, "growth from step 1").get_xdata()[0] == 1
    assert line(drawn, "not finite").get_xdata().tolist() == [2]


def test_each_layer_has_its_line():
    drawn = axes()
    assert gradient_norms.draw(run([1.0, 0.5], layers=3), drawn)
    assert labels(drawn) == ["layer1", "layer2", "layer3"]


def test_no_two_of_many_layers_share_a_colour():
    drawn = axes()
    gradient_norms.draw(run([1.0, 0.5], layers=20), drawn)
    assert len({one.get_color() for one in drawn.lines}) == 20


def test_a_long_run_keeps_its_peaks():
    losses = np.ones(100_000)
    losses[54_321] = 1e6
    drawn = axes()
    loss.draw(run(losses), drawn)
    values = line(drawn, "training").get_ydata()
    assert values.max() == 6
    assert len(values) <= MOST_POINTS


def test_a_noisy_run_is_drawn_by_its_median():
    rng = np.random.default_rng(0)
    drawn = axes()
    loss.draw(run(10.0 ** rng.normal(size=50_000), batch_size=1), drawn)
    values = drawn.lines[0].get_ydata()
    assert len(values) == STRETCHES
    # the median of 250 normal values has a standard deviation of 1.25 / √250 = 0.08
    assert np.abs(values).max() < 5 * 0.08


def test_one_input_gives_the_fitted_curve_in_the_order_of_the_inputs():
    trace = run([1.0])
    drawn = axes()
    assert prediction.draw(trace, drawn)
    order = np.argsort(trace.facts.inputs[:, 0])
    curve = line(drawn, "network")
    np.testing.assert_array_equal(curve.get_xdata(), trace.facts.inputs[order, 0])
    np.testing.assert_array_equal(curve.get_ydata(), trace.ending.predictions[order, 0])


def test_more_inputs_give_predictions_against_targets():
    trace = run([1.0], inputs=3)
    drawn = axes()
    assert prediction.draw(trace, drawn)
    np.testing.assert_array_equal(drawn.lines[0].get_xdata(), trace.facts.targets[:, 0])


@pytest.mark.parametrize(
    ("targets", "predictions"),
    [
        ([[0], [0], [1], [1]], [[0.2], [0.6], [0.9], [0.51]]),
        ([[-1], [-1], [1], [1]], [[-3], [0.1], [0.9], [0.01]]),
        ([[1, 0], [1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.4, 0.6], [0.1, 0.9], [0, 1]]),
    ],
    ids=["binary", "signed", "one-hot"],
)
def test_classes_of_two_inputs_are_drawn_in_their_plane(targets, predictions):
    # Of the four examples, the second one is on the other side of halfway between the classes.
    inputs = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    facts = Facts(inputs=inputs, targets=np.array(targets, dtype=float))
    ending = Ending("finished", 0.1, predictions=np.array(predictions, dtype=float))
    drawn = axes()
    assert prediction.draw(Trace(np.arange(1), np.ones(1), facts=facts, ending=ending), drawn)
    np.testing.assert_array_equal(line(drawn, "class 0").get_ydata(), [0, 1])
    np.testing.assert_array_equal(line(drawn, "class 1").get_ydata(), [0, 1])
    np.testing.assert_array_equal(line(drawn, "wrong: 1 of 4").get_xydata(), [[0, 1]])


def test_no_third_class_is_drawn_between_two():
    inputs = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    plane = plane_of(inputs)
    outputs = np.stack([plane[:, 0] < 0.5, np.full(len(plane), 0.1), plane[:, 0] >= 0.5], axis=1)
    facts = Facts(inputs=inputs, targets=np.eye(3)[[0, 1, 2, 2]])
    found = outputs[[0, 0, -1, -1]].astype(float)
    ending = Ending("finished", 0.1, predictions=found, plane_predictions=outputs.astype(float))
    drawn = axes()
    assert prediction.draw(Trace(np.arange(1), np.ones(1), facts=facts, ending=ending), drawn)
    assert len(drawn.collections) == 2  # class 1 wins nowhere


def test_many_outputs_have_one_name():
    values = np.random.default_rng(0).normal(size=(5, 64))
    facts = Facts(inputs=values, targets=values)
    ending = Ending("finished", 0.1, predictions=values)
    drawn = axes()
    assert prediction.draw(Trace(np.arange(1), np.ones(1), facts=facts, ending=ending), drawn)
    assert drawn.get_legend_handles_labels()[1] == ["64 outputs", "equal"]


def test_numbers_of_two_inputs_are_no_classes():
    trace = run([1.0], inputs=2)
    drawn = axes()
    assert prediction.draw(trace, drawn)
    assert drawn.get_title() == "Prediction against target"


def test_a_killed_run_has_no_predictions_to_draw():
    trace = Trace(np.arange(2), np.ones(2))
    assert not prediction.draw(trace, axes())
    assert not gradient_norms.draw(trace, axes())


def test_pictures_are_written_as_png(tmp_path):
    written = save_plots(run([1.0, 0.5]), tmp_path / "plots", onset=1)
    assert [path.name for path in written] == ["loss.png", "gradient_norms.png", "prediction.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "plots").write_text("a file")
    with pytest.raises(RunError, match="plots"):
        save_plots(run([1.0]), tmp_path / "plots")


@examples(40)
@given(arrays.arrays(np.float64, st.integers(1, 40)), st.sampled_from([1, 4]), st.integers(1, 9))
def test_any_curve_can_be_drawn(losses, batch_size, layers):
    trace = run(losses, batch_size=batch_size, layers=layers)
    for draw in (loss.draw, gradient_norms.draw):
        figure = Figure()
        draw(trace, figure.add_subplot(), onset=0)
        figure.draw_without_rendering()


def test_several_losses_share_the_scale_of_their_best_constants():
    drawn = axes()
    two = replace(run([4.0, 0.2]), facts=Facts(baseline_loss=2.0))
    assert losses.draw({"one": run([1.0, 0.1]), "two": two}, drawn)
    np.testing.assert_allclose(line(drawn, "one").get_ydata(), [0, -1])  # over 1
    np.testing.assert_allclose(line(drawn, "two").get_ydata(), np.log10([2, 0.1]))  # over 2


def test_several_losses_are_drawn_as_they_are_where_one_has_no_best_constant():
    drawn = axes()
    two = replace(run([4.0, 0.2]), facts=Facts())
    assert losses.draw({"one": run([1.0, 0.1]), "two": two}, drawn)
    np.testing.assert_allclose(line(drawn, "two").get_ydata(), np.log10([4, 0.2]))


def test_a_blow_up_does_not_flatten_the_run_beside_it():
    drawn = axes()
    assert losses.draw({"blown": run([1.0, 1e200, np.inf]), "fine": run([1.0, 0.1])}, drawn)
    bottom, top = drawn.get_ylim()
    assert -2 < bottom < -1
    assert 2 <= top < 3  # two decades above the start


def test_runs_without_a_finite_loss_are_not_drawn_together():
    assert not losses.draw({"one": run([np.nan]), "two": run([np.inf])}, axes())


@pytest.mark.parametrize(("length", "scale"), [(3, "symlog"), (300, "linear")])
def test_a_run_that_moves_in_its_first_steps_alone_is_drawn_over_the_logarithm_of_steps(
    length, scale
):
    trace = run(1 + 9 * np.exp(-np.arange(1000) / length), batch_size=None)
    panel = axes()
    assert loss.draw(trace, panel)
    assert panel.get_xscale() == scale
    assert ("logarithmic" in panel.get_xlabel()) is (scale == "symlog")


@pytest.mark.parametrize(("batch_size", "layers"), [(1, 2), (None, 2), (None, 9)])
def test_a_legend_stands_below_the_axis_and_hides_nothing(batch_size, layers):
    losses = 10 ** np.random.default_rng(0).uniform(-3, 0, 900)
    panel = axes()
    assert gradient_norms.draw(run(losses, batch_size=batch_size, layers=layers), panel)
    panel.figure.draw_without_rendering()
    legend = panel.get_legend()
    assert legend.get_window_extent().y1 < panel.xaxis.get_tightbbox().y0
    assert len(legend.get_texts()) == layers


def test_columns_of_a_legend_are_as_many_as_fit():
    # ten letters' heights: one of 0.833 × (4.5 + 0.55 × 4) = 5.6 fits, two take 11.2
    assert _columns(["fits"] * 3, room=10) == 1
    assert _columns(["fits"] * 3, room=12) == 2
    assert _columns(["fits"] * 3, room=17) == 3
    assert _columns(["fits"] * 41, room=1) == 3  # rows of 20


@pytest.mark.parametrize("layers", [2, 7, 8, 30])
@pytest.mark.parametrize("page", ["#ffffff", "#16181b"])
def test_each_layer_is_seen_on_a_light_and_on_a_dark_page(layers, page):
    def luminance(colour):  # WCAG 2, relative luminance
        parts = np.array(to_rgb(colour))
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05

    contrasts = [luminance(_colour(one, layers=layers)) / luminance(page) for one in range(layers)]
    assert min(max(one, 1 / one) for one in contrasts) > 1.9


def test_a_logarithmic_axis_of_steps_begins_at_the_first():
    panel = axes()
    assert loss.draw(run(1 + 9 * np.exp(-np.arange(1000) / 3), batch_size=None), panel)
    assert panel.get_xlim()[0] == 0


def test_a_single_step_has_one_tick():
    panel = axes()
    assert loss.draw(run([2.0]), panel)
    assert panel.get_xticks().tolist() == [0]


def test_a_run_that_was_never_finite_shows_where():
    panel = axes()
    assert loss.draw(run([np.inf, np.nan]), panel)
    assert "not finite" in panel.get_legend_handles_labels()[1]
