import math

import pytest

from nndiag.experiment.scalars import resolved_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E-3", 0.001),
        ("-2.5e+3", -2500.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("0.1", 0.1),
        ("3", 3),
        ("+3", 3),
        ("010", 10),
        ("0o10", 8),
        ("0xff", 255),
        ("1e4", 10_000),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("-.inf", -math.inf),
    ],
)
def test_reads_what_yaml_1_2_reads(text, value):
    result = resolved_scalar(text)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "1_000",
        "12:30",
        "2026-01-01",
        "0.1.2",
        "e5",
        "1e",
        "inf",
        "nan",
        "-",
    ],
)
def test_leaves_other_words_as_text(text):
    assert resolved_scalar(text) == text


def test_knows_not_a_number():
    assert math.isnan(resolved_scalar(".nan"))


@pytest.mark.parametrize("text", ["9" * 5000, "0x" + "f" * 5000, "1e99", "1e999999999"])
def test_takes_any_length_of_number_without_delay(text):
    assert resolved_scalar(text) is not None
