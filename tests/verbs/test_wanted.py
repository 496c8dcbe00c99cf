import pytest

from nndiag.errors import ConfigError
from nndiag.experiment import load_experiment
from nndiag.verbs.wanted import check_diagnosis_section

NETWORK = "dataset: sine\nnetwork: {layers: [{units: 1}]}\ndiagnosis:\n"


def checked(tmp_path, section):
    path = tmp_path / "config.yaml"
    path.write_text(NETWORK + section)
    check_diagnosis_section(load_experiment(path))


@pytest.mark.parametrize(
    ("section", "place", "message"),
    [
        ("  thresholds: {dead-unit: {share: 0.3}}\n", "4:16", "unknown problem 'dead-unit'"),
        ("  thresholds: {dead-units: {shar: 1}}\n", "4:29", "'dead-units' has no threshold"),
        ("  thresholds: {dead-units: {share: -1}}\n", "4:29", "thresholds.dead-units.share"),
        ("  ignore: [dead-units, dead]\n", "4:24", "unknown problem 'dead'"),
    ],
)
def test_refuses_what_no_detector_has_at_its_line(tmp_path, section, place, message):
    with pytest.raises(ConfigError) as caught:
        checked(tmp_path, section)
    (problem,) = caught.value.problems
    assert problem.message.startswith(message)
    assert str(problem.location) == f"{tmp_path / 'config.yaml'}:{place}"


def test_reports_all_of_them(tmp_path):
    with pytest.raises(ConfigError) as caught:
        checked(tmp_path, "  thresholds: {x: {}, dead-units: {y: 1}}\n  ignore: [z]\n")
    assert [problem.location.line for problem in caught.value.problems] == [4, 4, 5]


def test_takes_what_exists(tmp_path):
    checked(tmp_path, "  thresholds: {dead-units: {share: 0.3}}\n  ignore: [dead-units]\n")
