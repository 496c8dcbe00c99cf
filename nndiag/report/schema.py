"""The JSON Schema of what `--json` prints: the contract, checked against every command's output.

Keys that are described here stay, with their types; `version` counts changes of that. More keys may
stand beside them. To add a command's object: its record under its name in `_reports`.
"""

from collections.abc import Mapping

from nndiag.finding import Outcome
from nndiag.report.document import VERSION
from nndiag.report.schema_parts import (
    ANY,
    COUNT,
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    Schema,
    by_name,
    cause_schema,
    evidence_schema,
    finding_schema,
    list_of,
    one_of,
    or_null,
    pair,
    record,
    told,
)


def report_schema() -> Schema:
    """The schema of the object that each command prints, told apart by its `command`."""
    reports = _reports()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "nndiag report",
        "description": "What nndiag prints with --json.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in reports],
        "$defs": {
            "number": {
                "description": "A number; one that is not finite is a string.",
                "anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}],
            },
            "cause": cause_schema(),
            "finding": finding_schema(),
            "evidence": evidence_schema(),
            "not_checked": list_of(record({"problem": TEXT, "reason": TEXT})),
            **reports,
        },
    }


def _reports() -> dict[str, Schema]:
    return {
        "train": _report("train", _run()),
        "diagnose": _report("diagnose", _run()),
        "fix": _report("fix", {**_run(), **_fix()}),
        "compare": _report("compare", _compare()),
        "sweep-lr": _report("sweep-lr", _sweep(), optional=_theory()),
        "gradcheck-config": _report("gradcheck", _network_check()),
        "gradcheck-program": _report("gradcheck", _program_check()),
        "doctor": _report("doctor", _doctor()),
        "list": _report("list", {}, optional=_catalogue()),
        "explain": _report("explain", _page()),
    }


def _report(
    command: str, known: Mapping[str, Schema], *, optional: Mapping[str, Schema] | None = None
) -> Schema:
    """One command's object."""
    return record({"version": {"const": VERSION}, "command": {"const": command}, **known}, optional)


def _judgement() -> dict[str, Schema]:
    """What every object has that judges something."""
    return {
        "findings": told(list_of({"$ref": "#/$defs/finding"}), "Gravest first."),
        "not_checked": {"$ref": "#/$defs/not_checked"},
    }


def _run() -> dict[str, Schema]:
    norms = record({"first": NUMBER, "middle": NUMBER, "end": NUMBER})
    return {
        "config": told(or_null(TEXT), "Name of the config or the log."),
        "outcome": one_of(Outcome),
        "cause": {"$ref": "#/$defs/cause"},
        **_judgement(),
        "ruled_out": told(list_of(TEXT), "Problems that were looked for and are not there."),
        "loss": record(
            {
                "initial": NUMBER,
                "final": NUMBER,
                "best": told(or_null(NUMBER), "Null where no loss is finite."),
                "steps": COUNT,
                "skill": or_null(NUMBER),
            }
        ),
        "numbers": told(by_name(NUMBER), "The numbers behind the outcome, by name."),
        "layers": list_of(record({"name": TEXT, "gradient_norm": norms})),
        "stability": told(or_null(record(_stability())), "The rate's ceiling at the start."),
        "ended": told(or_null(TEXT), "Why the run ended; null where that is not known."),
        "run": told(or_null(TEXT), "The run's folder."),
    }


def _stability() -> dict[str, Schema]:
    change = {"name": TEXT, "title": TEXT, "factor": NUMBER, "override": or_null(TEXT)}
    return {
        "rule": told(TEXT, "The ceiling's formula."),
        "learning_rate": NUMBER,
        "sharpness": or_null(NUMBER),
        "ceiling": told(or_null(NUMBER), "Null where nothing curves upwards."),
        "batch_ceilings": or_null(pair(NUMBER)),
        "batch_size": or_null(COUNT),
        "adaptive": told(FLAG, "Whether the ceiling moves with the run."),
        "changes": told(list_of(record(change)), "What would lower the sharpness."),
        "ratio": told(or_null(NUMBER), "The rate over its ceiling."),
    }


def _trained() -> dict[str, Schema]:
    """One of the trainings that `fix` made."""
    return {
        "outcome": one_of(Outcome),
        "loss": NUMBER,
        "skill": or_null(NUMBER),
        "score": told(or_null(NUMBER), "Share of the targets' variance that is explained."),
        "accuracy": or_null(NUMBER),
        "seconds": NUMBER,
    }


def _fix() -> dict[str, Schema]:
    from nndiag.analysis.reference_fit import Limit  # noqa: PLC0415 (of all commands, fix alone)
    from nndiag.fixing.trial import Verdict  # noqa: PLC0415

    trial = {
        "name": told(TEXT, "Names of the remedies, joined by ' + '."),
        "changes": told({"type": "object"}, "The keys that differ from the config."),
        **_trained(),
        "verdict": one_of(Verdict),
    }
    reference = {
        "loss": NUMBER,
        "skill": or_null(NUMBER),
        "start": TEXT,
        "losses": by_name(NUMBER),
        "limit": one_of(Limit),
    }
    winner = {
        "remedies": list_of(TEXT),
        "seeds": COUNT,
        "seeds_cured": COUNT,
        "not_tried_without": list_of(TEXT),
    }
    return {
        "healthy": FLAG,
        "cured": FLAG,
        "in_the_data": told(FLAG, "The data are at fault; no setting was tried."),
        "score": or_null(NUMBER),
        "control": told(or_null(record(_trained())), "The same config from another seed."),
        "reference": told(or_null(record(reference)), "What a strong optimizer reaches."),
        "remedies": list_of(record(trial)),
        "not_tried": list_of(record({"name": TEXT, "reason": or_null(TEXT)})),
        "winner": or_null(record({**trial, **winner})),
        "fixed_config": told(or_null(TEXT), "The file of the cured config."),
        "interrupted": FLAG,
        "seconds": NUMBER,
    }


def _compare() -> dict[str, Schema]:
    values = told(list_of(ANY), "One for each run; left and right are the first and the last.")
    difference = record({"key": TEXT, "left": ANY, "right": ANY, "values": values})
    return {
        "runs": list_of({"$ref": "#/$defs/diagnose"}),
        "differences": told(list_of(difference), "Settings that differ."),
    }


def _sweep() -> dict[str, Schema]:
    from nndiag.training.sweep_failure import Reason  # noqa: PLC0415 (of all commands, sweep-lr)
    from nndiag.training.sweep_verdict import Fate  # noqa: PLC0415

    fate, some = one_of(Fate), or_null(NUMBER)
    learning_rate = {"configured": NUMBER, "place": TEXT, "speed_up_of_recommended": some}
    beyond = {
        "what": fate,
        "lost_after_steps": told(or_null(pair(WHOLE)), "First and last step."),
        "flat_share": some,
    }
    failure = {
        "reason": one_of(Reason),
        **dict.fromkeys(("initial", "reference", "lowest", "gradient_norm"), NUMBER),
        "flat_share": some,
        "identical_share": NUMBER,
    }
    seed = {"seed": WHOLE, "what": fate, "loss": NUMBER, "lost_at": or_null(COUNT)}
    rate = {"rate": NUMBER, "what": fate, "works": FLAG, "loss": NUMBER}
    return {
        "config": TEXT,
        "outcome": told({"enum": ["interrupted", None]}, "A sweep is many runs."),
        "cause": {"$ref": "#/$defs/cause"},
        **_judgement(),
        "optimizer": TEXT,
        "learning_rate": record(learning_rate),
        "band": told(or_null(record({"low": NUMBER, "high": NUMBER})), "Rates that work."),
        "best": some,
        "best_of_seeds": or_null(pair(NUMBER)),
        "edge": told(some, "The largest stable rate."),
        "edge_of_seeds": or_null(pair(NUMBER)),
        "beyond_edge": or_null(record(beyond)),
        "ceiling": told(some, "What theory says at the start; null in a program."),
        "recommended": some,
        "recommended_learned": record({"seeds": COUNT, "learned": COUNT}),
        "failure": told(or_null(record(failure)), "Why no rate learns."),
        "rates": list_of(record({**rate, "seeds": list_of(record(seed))})),
        "steps": COUNT,
        "total_steps": COUNT,
        "seeds": list_of(WHOLE),
        "runs": COUNT,
        "seconds": NUMBER,
        "run": told(or_null(TEXT), "The sweep's folder."),
    }


def _theory() -> dict[str, Schema]:
    """What a sweep of a config has besides."""
    from nndiag.training.sweep_theory import Reading  # noqa: PLC0415 (of all commands, sweep-lr)

    return {
        "ceilings_of_seeds": or_null(pair(NUMBER)),
        "ceiling_rule": TEXT,
        "ceiling_of_batches": or_null(pair(NUMBER)),
        "ceiling_at_end": or_null(NUMBER),
        "sharpness": or_null(NUMBER),
        "edge_over_ceiling": or_null(NUMBER),
        "reading": or_null(one_of(Reading)),
    }


def _network_check() -> dict[str, Schema]:
    from nndiag.analysis.gradient_check import Verdict  # noqa: PLC0415 (of all commands, gradcheck)

    element = record({"index": list_of(COUNT), "analytic": NUMBER, "numeric": NUMBER})
    tensor = {
        "name": TEXT,
        "relative_error": NUMBER,
        "cosine": or_null(NUMBER),
        "scale": or_null(NUMBER),
        "verdict": one_of(Verdict),
        "complex_error": or_null(NUMBER),
        "worst": or_null(element),
        "checked": COUNT,
        "kinks": COUNT,
        "size": COUNT,
    }
    point = {
        "point": TEXT,
        "loss": NUMBER,
        "examples": COUNT,
        "spot_error": NUMBER,
        "tensors": list_of(record(tensor)),
    }
    return {
        "config": TEXT,
        "correct": FLAG,
        **_judgement(),
        "tensors": told(list_of(record({"point": TEXT, **tensor})), "The worst point of each."),
        "points": list_of(record(point)),
        "complex_step": told(FLAG, "Whether a complex step could be taken."),
    }


def _program_check() -> dict[str, Schema]:
    from nndiag.program.gradients.judgement import Verdict  # noqa: PLC0415 (of all commands, gradcheck)

    verdicts = ["correct" if one is Verdict.RIGHT else str(one) for one in Verdict]
    line, some = or_null(COUNT), or_null(NUMBER)
    tensor = {
        "name": TEXT,
        "shape": list_of(COUNT),
        **dict.fromkeys(("relative_error", "cosine", "scale"), some),
        "verdict": {"enum": verdicts},
        "line": line,
    }
    loss = {"expression": TEXT, "own": FLAG, "line": line, "assumption": or_null(TEXT)}
    rate = {"expression": TEXT, "value": NUMBER, "effective": some}
    repair = {
        "problem": TEXT,
        "line": COUNT,
        "before": TEXT,
        "after": TEXT,
        "tensors": list_of(TEXT),
    }
    losses = dict.fromkeys(("start", "program", "right"), NUMBER)
    course = {
        "iterations": COUNT,
        **dict.fromkeys(("start", "end"), NUMBER),
        "diverged": FLAG,
        **dict.fromkeys(("factor", "lower"), some),
    }
    return {
        "config": {"type": "null"},
        "program": told(TEXT, "Its file."),
        "correct": FLAG,
        "findings": list_of({"$ref": "#/$defs/finding"}),
        "tensors": list_of(record(tensor)),
        "loss": record(loss),
        "learning_rate": or_null(record(rate)),
        "loop": told(TEXT, "Where the training loop stands."),
        "other_loops": list_of(TEXT),
        "points": list_of(TEXT),
        "repairs": list_of(record(repair)),
        "diff": or_null(TEXT),
        "edits_tried": COUNT,
        "matters": told(
            or_null(record({"iterations": COUNT, **losses, "verdict": TEXT})),
            "Training with the program's step and with the right one.",
        ),
        "course": told(or_null(record(course)), "How a program trains whose gradient is right."),
        "notes": list_of(TEXT),
        "fixed_program": told(or_null(TEXT), "The file of the mended program."),
        "seconds": NUMBER,
    }


def _doctor() -> dict[str, Schema]:
    from nndiag.checkup.contract import Status  # noqa: PLC0415 (of all commands, doctor alone)

    check = {
        "name": TEXT,
        "status": one_of(Status),
        "message": TEXT,
        "remedy": or_null(TEXT),
        "problem": or_null(TEXT),
        "numbers": by_name(NUMBER),
    }
    return {
        "config": TEXT,
        "ready": told(FLAG, "Whether no check failed."),
        "checks": list_of(record(check)),
    }


def _catalogue() -> dict[str, Schema]:
    from nndiag.report.catalogue import KINDS  # noqa: PLC0415 (it loads every component)

    option = record({}, {"required": {"const": True}, "default": ANY})
    entry = record({"name": TEXT, "summary": TEXT, "options": by_name(option)})
    return {kind: list_of(entry) for kind in KINDS}


def _page() -> dict[str, Schema]:
    from nndiag.report.catalogue import KINDS  # noqa: PLC0415 (it loads every component)

    return {
        "name": TEXT,
        "kind": {"enum": list(KINDS)},
        "summary": TEXT,
        "page": told(TEXT, "The page as text."),
        "file": told(or_null(TEXT), "The page as Markdown, with its picture."),
        "picture": told(or_null(TEXT), "The picture's file."),
    }
