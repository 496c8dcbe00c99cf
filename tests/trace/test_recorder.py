"""The recorder keeps what it is given, and a sink that fails takes nothing with it."""

import numpy as np
import pytest

from nndiag.errors import RunError
from nndiag.trace import Ending, Facts, TraceRecorder
from nndiag.trace.recorder import Sink


class BrokenSink:
    """Refuses everything, as a full disk does."""

    def write_facts(self, facts):
        raise RunError("disk full")

    def write_steps(self, rows, *, first):
        raise RunError("disk full")

    def write_probes(self, rows, *, first):
        raise RunError("disk full")

    def write_ending(self, ending):
        raise RunError("disk full")

    def close(self):
        pass


class ListSink(BrokenSink):
    """Keeps what it is given."""

    def __init__(self):
        self.steps = []
        self.probes = []

    def write_steps(self, rows, *, first):
        self.steps.append((first, rows.copy()))

    def write_probes(self, rows, *, first):
        self.probes.append((first, rows.copy()))


def test_blocks_of_steps_become_one_trace():
    recorder = TraceRecorder(layers=["layer1", "layer2"])
    recorder.record_steps(np.arange(3), [3.0, 2.0, 1.0], np.arange(6).reshape(3, 2))
    recorder.record_steps(np.arange(3, 5), [0.5, 0.25], np.arange(6, 10).reshape(2, 2))
    trace = recorder.trace()
    assert trace.step.tolist() == [0, 1, 2, 3, 4]
    assert trace.loss.tolist() == [3.0, 2.0, 1.0, 0.5, 0.25]
    assert trace.series["gradient_norm"].values.tolist() == np.arange(10).reshape(5, 2).tolist()
    assert trace.layers == ("layer1", "layer2")


def test_grows_past_its_first_size_without_losing_a_row():
    recorder = TraceRecorder(layers=["layer1"])
    for start in range(0, 50_000, 7):
        steps = np.arange(start, start + 7)
        recorder.record_steps(steps, steps / 3, steps[:, None] / 7)
    trace = recorder.trace()
    np.testing.assert_array_equal(trace.loss, trace.step / 3)
    np.testing.assert_array_equal(trace.series["gradient_norm"].values[:, 0], trace.step / 7)


def test_a_trace_does_not_change_when_recording_goes_on():
    recorder = TraceRecorder(layers=["layer1"])
    recorder.record_steps([0], [1.0], [[2.0]])
    before = recorder.trace()
    recorder.record_steps([1], [0.5], [[1.0]])
    assert before.steps == 1
    assert recorder.trace().steps == 2


def test_a_series_has_only_the_steps_at_which_it_was_measured():
    recorder = TraceRecorder(layers=["layer1", "layer2"])
    recorder.record_probe(0, {"weight_norm": [1.0, 2.0], "training_loss": 5.0})
    recorder.record_probe(4, {"weight_norm": [3.0, 4.0]})
    series = recorder.trace().series
    assert set(series) == {"weight_norm", "training_loss"}
    assert series["weight_norm"].steps.tolist() == [0, 4]
    assert series["weight_norm"].values.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert series["training_loss"].steps.tolist() == [0]
    assert series["training_loss"].values.tolist() == [5.0]


def test_a_measured_nan_is_kept_and_is_not_taken_for_an_absent_value():
    recorder = TraceRecorder(layers=["layer1"])
    recorder.record_probe(0, {"training_loss": np.nan})
    recorder.record_probe(1, {"weight_norm": [1.0]})
    loss = recorder.trace().series["training_loss"]
    assert loss.steps.tolist() == [0]
    assert np.isnan(loss.values).all()


def test_two_probes_of_one_step_are_joined():
    recorder = TraceRecorder(layers=["layer1"])
    recorder.record_probe(3, {"training_loss": 1.0})
    recorder.record_probe(3, {"sharpness": 8.0})
    series = recorder.trace().series
    assert series["training_loss"].steps.tolist() == series["sharpness"].steps.tolist() == [3]


def test_refuses_a_probe_that_goes_back_in_time():
    recorder = TraceRecorder(layers=["layer1"])
    recorder.record_probe(3, {"training_loss": 1.0})
    with pytest.raises(ValueError, match="step 2"):
        recorder.record_probe(2, {"training_loss": 1.0})


def test_refuses_a_series_that_the_data_dictionary_lacks():
    with pytest.raises(KeyError):
        TraceRecorder(layers=["layer1"]).record_probe(0, {"mood": 1.0})


def test_one_layer_keeps_its_column():
    recorder = TraceRecorder(layers=["layer1"])
    recorder.record_steps([0], [1.0], [[2.0]])
    assert recorder.trace().series["gradient_norm"].values.shape == (1, 1)


def test_a_run_without_layers_has_a_loss_alone():
    recorder = TraceRecorder(layers=[])
    recorder.record_steps([0, 1], [1.0, 0.5], np.empty((2, 0)))
    trace = recorder.trace()
    assert trace.loss.tolist() == [1.0, 0.5]
    assert "gradient_norm" not in trace.series


def test_an_empty_recording_is_an_empty_trace():
    trace = TraceRecorder(layers=["layer1"]).trace()
    assert trace.steps == 0
    assert trace.loss.shape == (0,)


def test_facts_and_ending_come_back():
    recorder = TraceRecorder(layers=["layer1"])
    facts, ending = Facts(loss="huber"), Ending(reason="finished", loss=0.5)
    recorder.record_facts(facts)
    recorder.record_ending(ending)
    assert recorder.trace().facts is facts
    assert recorder.trace().ending is ending


def test_each_row_is_handed_to_the_sink_once():
    sink: Sink = ListSink()
    recorder = TraceRecorder(layers=["layer1"], sink=sink)
    recorder.record_steps([0, 1], [1.0, 2.0], [[1.0], [2.0]])
    recorder.flush()
    recorder.flush()
    recorder.record_steps([2], [3.0], [[3.0]])
    recorder.close()
    assert [(first, rows[:, 0].tolist()) for first, rows in sink.steps] == [(0, [0, 1]), (2, [2])]


def test_a_row_that_was_completed_later_is_handed_over_again():
    sink = ListSink()
    recorder = TraceRecorder(layers=["layer1"], sink=sink)
    recorder.record_probe(0, {"training_loss": 1.0})
    recorder.flush()
    recorder.record_probe(0, {"sharpness": 2.0})
    recorder.flush()
    assert [first for first, _ in sink.probes] == [0, 0]


def test_a_sink_that_fails_ends_neither_the_run_nor_the_record():
    recorder = TraceRecorder(layers=["layer1"], sink=BrokenSink())
    recorder.record_facts(Facts())
    recorder.record_steps([0], [1.0], [[2.0]])
    recorder.record_ending(Ending(reason="finished", loss=0.5))
    recorder.close()
    assert str(recorder.sink_error) == "disk full"
    assert recorder.trace().steps == 1
