"""`nndiag doctor`: healthy configs pass, each fault shows at its own line of the list."""

import json
from pathlib import Path

import pytest

from nndiag.checkup import CHECKS, Check, Checkup, Patient, Status, checkup
from nndiag.experiment import experiment_of, load_experiment
from nndiag.plain import json_text
from nndiag.report.doctor import doctor_line, doctor_report
from nndiag.report.doctor_document import doctor_document
from nndiag.verbs.result import text_of

CONFIGS = Path(__file__).parents[2] / "configs"
BASE = {
    "dataset": {"name": "sine", "samples": 60},
    "network": {"layers": [{"units": 12, "activation": "tanh"}, {"units": 1}]},
    "optimizer": {"name": "sgd", "learning_rate": 0.05},
    "training": {"steps": 500},
}


def checked(name, **changes):
    return CHECKS[name](Patient.of(experiment_of(BASE | changes)))


@pytest.mark.parametrize("name", ["sine", "circles", "blobs", "logic_gate", "csv_plane"])
def test_healthy_configs_are_ready_to_train(name):
    found = checkup(load_experiment(CONFIGS / "healthy" / f"{name}.yaml"))
    assert doctor_line(found) == "ready to train"
    assert [check.name for check in found.checks] == list(CHECKS)


@pytest.mark.parametrize(
    ("changes", "name", "status", "problem"),
    [
        (
            {"dataset": {"name": "sine", "samples": 60, "low": 0, "high": 60}},
            "input scales",
            Status.WARNING,
            "unscaled-inputs",
        ),
        (
            {"dataset": {"name": "linear_doubling", "low": 0, "high": 100}},
            "target scales",
            Status.WARNING,
            "unscaled-targets",
        ),
        (
            {"network": {"layers": [{"units": 9, "activation": "tanh"},
                                    {"units": 1, "activation": "sigmoid"}]}},
            "output range",
            Status.FAILED,
            "targets-outside-output-range",
        ),
        (
            {"network": {"layers": [{"units": 99, "activation": "relu"}, {"units": 1}],
                         "initializer": {"name": "normal", "std": 5}}},
            "loss at the start",
            Status.WARNING,
            "weights-too-large",
        ),
        (
            {"network": {"layers": [{"units": 9, "activation": "tanh"}, {"units": 1}],
                         "initializer": {"name": "constant", "value": 0.5}}},
            "parameters move",
            Status.FAILED,
            "identical-units",
        ),
        (
            {"network": {"layers": [{"units": 9, "activation": "relu"}, {"units": 1}],
                         "bias_initializer": {"name": "constant", "value": -99}}},
            "parameters move",
            Status.FAILED,
            "dead-units",
        ),
        (
            {"network": {"layers": [*({"units": 6, "activation": "sigmoid"},) * 7, {"units": 1}]}},
            "parameters move",
            Status.WARNING,
            "vanishing-gradients",
        ),
        (
            {"optimizer": {"name": "sgd", "learning_rate": 50}},
            "learning rate",
            Status.FAILED,
            "learning-rate-above-stability-limit",
        ),
        (
            {"optimizer": {"name": "sgd", "learning_rate": 1e-6}},
            "learning rate",
            Status.WARNING,
            "learning-rate-too-small",
        ),
        (
            {"network": {"layers": [{"units": 12, "activation": "linear"}, {"units": 1}]}},
            "a handful can be learned",
            Status.FAILED,
            "too-few-units",
        ),
        (
            {"dataset": {"name": "sine", "samples": 300, "noise": 30}},
            "there is something to learn",
            Status.WARNING,
            "nothing-to-learn",
        ),
    ],
)  # fmt: skip
def test_each_fault_shows_at_its_line(changes, name, status, problem):
    check = checked(name, **changes)
    assert (check.status, check.problem) == (status, problem)
    assert check.remedy


def test_the_remedy_for_a_rate_is_below_the_limit():
    check = checked("learning rate", optimizer={"name": "sgd", "learning_rate": 50})
    assert float(check.remedy.partition("=")[2]) < check.numbers["stability_limit"]


def test_contradicting_examples_are_counted(tmp_path):
    # Two of five examples have equal inputs and different targets.
    (tmp_path / "data.csv").write_text("a,y\n1,2\n1,3\n2,5\n3,1\n4,2\n")
    data = {"name": "csv", "path": str(tmp_path / "data.csv")}
    check = checked("data", dataset=data)
    assert check.status is Status.WARNING
    assert check.numbers["contradicting_share"] == pytest.approx(0.4)


@pytest.mark.parametrize("rows", ["1,2\n2,2\n3,2\n", "1,2\n1,3\n1,4\n"])
def test_data_that_teach_nothing_fail(tmp_path, rows):
    (tmp_path / "data.csv").write_text(f"a,y\n{rows}")
    data = {"name": "csv", "path": str(tmp_path / "data.csv")}
    assert checked("data", dataset=data).status is Status.FAILED


def test_faults_above_explain_what_cannot_be_learned_below():
    network = {
        "layers": [{"units": 9, "activation": "linear"}, {"units": 1}],
        "initializer": {"name": "constant", "value": 0.5},
    }
    found = checkup(experiment_of(BASE | {"network": network}))
    remedies = {check.name: check.remedy for check in found.checks}
    assert remedies["a handful can be learned"] == "first what stands above"


def test_a_handful_never_fails_a_network_that_trains():
    # Dead as it starts, and too many units to be fitted in the time: both learn a handful.
    for units, bias in ((9, -99), (5000, 0)):
        network = {
            "layers": [{"units": units, "activation": "relu"}, {"units": 1}],
            "bias_initializer": {"name": "constant", "value": bias},
        }
        assert checked("a handful can be learned", network=network).status is Status.OK


def test_a_start_that_is_not_finite_gives_no_traceback():
    found = checkup(load_experiment(CONFIGS / "broken" / "non_finite_values.yaml"))
    assert found.failed[0].name == "loss at the start"


MADE = Checkup(
    "made",
    "1-2-1 tanh",
    (
        Check("data", Status.OK, "9 examples"),
        Check("scales", Status.WARNING, "large", "scale them", "unscaled-inputs"),
        Check(
            "rate", Status.FAILED, "too large", "a tenth", None, {"stability_limit": float("inf")}
        ),
        Check("signal", Status.NOT_CHECKED, "no data"),
    ),
)


def test_the_list_is_ticked():
    assert text_of(doctor_report(MADE, next_command="nndiag fix made.yaml"), width=60) == (
        "made  1-2-1 tanh\n"
        "\n"
        "✓ data   9 examples\n"
        "! scales large\n"
        "         try scale them   explain unscaled-inputs\n"
        "✗ rate   too large\n"
        "         try a tenth\n"
        "– signal no data\n"
        "\n"
        "Not ready: 1 check failed.\n"
        "next nndiag fix made.yaml"
    )
    assert doctor_line(MADE) == "1 check failed, 1 warning: rate, scales"


def test_the_json_is_complete_and_has_no_bare_infinity():
    document = json.loads(json_text(doctor_document(MADE)))
    assert document["ready"] is False
    assert [check["status"] for check in document["checks"]] == [
        "ok", "warning", "failed", "not checked",
    ]  # fmt: skip
    assert document["checks"][2]["numbers"] == {"stability_limit": "inf"}


def test_the_exit_code_tells_whether_it_can_train(command):
    healthy, exploding = command("doctor", "healthy.yaml"), command("doctor", "exploding.yaml")
    assert (healthy.code, exploding.code) == (0, 1)
    assert "Ready to train." in healthy.out
    assert "next nndiag fix exploding.yaml" in exploding.out
    assert healthy.err == exploding.err == ""


def test_overrides_and_formats_are_those_of_the_other_commands(command):
    rate = "optimizer.learning_rate=0.01"
    quiet = command("doctor", "exploding.yaml", rate, "--quiet")
    assert (quiet.code, quiet.out) == (0, "exploding: ready to train\n")
    assert json.loads(command("doctor", "exploding.yaml", rate, "--json").out)["ready"] is True
    assert command("doctor", "missing.yaml").code == 2
