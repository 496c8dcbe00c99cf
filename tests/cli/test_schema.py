"""What `--json` prints keeps to the schema in the package, whatever the command."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

import nndiag
from nndiag.plain import to_plain
from nndiag.report.schema import report_schema

LOG = "step,loss,validation_loss\n0,1,2\n1,0.5,nan\n2,0.25,inf\n3,0.2,0.3\n"


def closed(schema):
    """The schema without room for keys that it does not describe."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(item) for key, item in schema.items()}
    if "properties" in made and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


SCHEMA = report_schema()
NAMES = {
    "train": "RunDocument",
    "diagnose": "RunDocument",
    "fix": "FixDocument",
    "compare": "CompareDocument",
    "sweep-lr": "SweepDocument",
    "gradcheck": "NetworkCheckDocument",
    "program": "ProgramCheckDocument",
    "doctor": "DoctorDocument",
    "list": "ListDocument",
    "explain": "PageDocument",
}
STRICT = closed(SCHEMA)


def checked(text: str) -> dict:
    """The object in a text, strictly JSON, as the schema wants it and no key more."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    told = json.loads(text, parse_constant=refuse)
    name = NAMES["program" if "program" in told else told["command"]]
    own = {"$ref": f"#/$defs/{name}", "$defs": STRICT["$defs"]}  # says more than the whole schema
    for error in Draft202012Validator(own).iter_errors(told):
        raise AssertionError(f"{error.json_path}: {error.message}")
    Draft202012Validator(STRICT).validate(told)
    return told


@pytest.fixture
def things(folder: Path, program_text: Callable[[str], str]) -> Path:
    """A folder with programs and a log too."""
    (folder / "net.py").write_text(program_text("+"))
    (folder / "right.py").write_text(program_text("-"))
    (folder / "log.csv").write_text(LOG)
    return folder


SWEEP = ("sweep-lr", "--seeds", "1", "--steps", "30", "--rates", "4", "--no-plots")


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "healthy.yaml", "--no-plots"),
        ("train", "exploding.yaml", "--no-plots"),
        ("train", "exploding.yaml", "--no-plots", "training.batch_size=5"),
        ("train", "exploding.yaml", "--no-plots", "--confirm", "training.steps=20"),
        ("diagnose", "log.csv"),
        ("compare", "log.csv", "log.csv"),
        ("fix", "exploding.yaml", "--no-write", "--seconds", "3"),
        ("fix", "healthy.yaml"),
        ("sweep-lr", "exploding.yaml", *SWEEP[1:]),
        ("sweep-lr", "exploding.yaml", "network.initializer=zeros", *SWEEP[1:]),
        ("sweep-lr", "right.py"),
        ("gradcheck", "exploding.yaml"),
        ("gradcheck", "net.py"),
        ("gradcheck", "right.py"),
        ("doctor", "exploding.yaml"),
        ("list",),
        ("explain", "dead-units"),
        ("explain", "r_squared"),
    ],
)
def test_every_command_keeps_to_the_schema(command, things, arguments):
    ended = command(*arguments, "--json")
    assert ended.code in (0, 1), ended.err
    assert checked(ended.out)["command"] == arguments[0]


def test_what_a_run_stores_is_the_same_object(command, folder):
    printed = checked(command("train", "exploding.yaml", "--no-plots", "--json").out)
    (run,) = (folder / "runs").iterdir()
    assert checked((run / "diagnosis.json").read_text()) == printed
    shutil.rmtree(folder / "runs")
    printed = checked(command("sweep-lr", "exploding.yaml", *SWEEP[1:], "--json").out)
    (run,) = (folder / "runs").iterdir()
    assert checked((run / "sweep.json").read_text()) == printed


def test_results_of_the_python_api_keep_to_the_schema(things):
    results = [
        nndiag.train("healthy.yaml"),
        nndiag.diagnose("log.csv"),
        nndiag.gradcheck("exploding.yaml"),
    ]
    for result in results:
        assert checked(json.dumps(result.to_dict())) == to_plain(result.to_dict())


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.fixture
def report(command):
    return checked(command("train", "exploding.yaml", "--no-plots", "--json").out)


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 1},
        {"outcome": "fine"},
        {"cause": {"problem": "x"}},
        {"loss": {"initial": "much"}},
        {"findings": [{}]},
        {"config": 3},
    ],
)
def test_the_schema_refuses_what_no_command_prints(report, damage):
    damaged = copy.deepcopy(report) | damage
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate(damaged)


def test_more_keys_may_stand_beside_those_that_are_promised(report):
    Draft202012Validator(SCHEMA).validate(report | {"later": 1})


def test_the_schema_is_printed(command):
    assert json.loads(command("schema", "report").out) == SCHEMA
    assert command("schema", "colours").code == 2
