"""`nndiag gradcheck CONFIG|PROGRAM`: is the gradient right, and if not, which bug is it?"""

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from nndiag.cli.options import (
    FailOn,
    FailOnOption,
    HtmlOption,
    JsonOption,
    OverridesArgument,
    QuietOption,
    exit_code_of,
)
from nndiag.cli.streams import emit, emit_text, warn
from nndiag.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from nndiag.experiment import ProgramExperiment
    from nndiag.finding import Finding
    from nndiag.program import CodeSettings, ProgramCheck

_PROGRAM = re.compile(r"(?P<file>.*\.(py|ipynb))(:(?P<class>[A-Za-z_]\w*))?", re.DOTALL)
_KEYS = ("loss", "parameters", "learning_rate", "functions", "gradients")


def gradcheck(
    target: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG|PROGRAM",
            help="A config, or a program of your own: my_net.py, my_net.py:Network, my_net.ipynb. "
            "The program is run, with your rights, as far as its training loop.",
            show_default=False,
        ),
    ],
    overrides: OverridesArgument = None,
    *,
    write_fixed: Annotated[
        bool,
        typer.Option("--write-fixed", help="Write the mended program beside the original."),
    ] = False,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, help="Time for searches and experiments.")
    ] = 10.0,
    json: JsonOption = False,
    quiet: QuietOption = False,
    fail_on: FailOnOption = FailOn.ERROR,
    html: HtmlOption = None,
) -> None:
    """Check a gradient, and name the bug if it is wrong."""
    settings = program_settings(target, overrides or ())
    if settings is None:
        if write_fixed:
            warn("--write-fixed mends programs; a config has nothing to mend")
        told = _check_config(target, overrides or (), seconds=seconds, as_json=json, quiet=quiet)
    else:
        told = _check_program(
            settings, seconds=seconds, write=write_fixed, as_json=json, quiet=quiet
        )
    if html is not None:
        from nndiag.cli.pages import write_report  # noqa: PLC0415

        write_report(html, told.line, told.report)
    failed = not told.correct
    raise typer.Exit(exit_code_of(told.findings, fail_on=fail_on, failed=failed))


class _Told(NamedTuple):
    """What was said: whether the gradient is right, what was found, in a line, and in full."""

    correct: bool
    findings: "tuple[Finding, ...]"
    line: str
    report: "RenderableType"


def program_settings(target: str, overrides: "Sequence[str]") -> "CodeSettings | None":
    """Which program to check; None where a config describes a network."""
    match = _PROGRAM.fullmatch(target)
    if match is not None:
        return _named_settings(match, overrides)
    from nndiag.experiment import load_program  # noqa: PLC0415

    program = load_program(target, overrides)
    return None if program is None else _config_settings(program)


def _named_settings(match: "re.Match[str]", overrides: "Sequence[str]") -> "CodeSettings":
    """The settings of a program named on the command line."""
    from nndiag.program import CodeSettings  # noqa: PLC0415

    values: dict[str, Any] = {"gradients": {}}
    for override in overrides:
        key, value = _override(override)
        name, _, tensor = key.partition(".")
        if name == "gradients":
            values["gradients"][tensor] = value
        else:
            values[name] = tuple(re.split(r"[,\s]+", value)) if name == "parameters" else value
    if match["class"] is None:
        return CodeSettings(script=match["file"], **values)
    return CodeSettings(class_name=match[0], **values)


def _override(text: str) -> tuple[str, str]:
    """Key and value of `key=value`; the key may begin with `code.`.

    Raises:
        ConfigError: It is not written like that, or no such key exists.
    """
    from nndiag.registry import suggestion  # noqa: PLC0415

    key, equals, value = text.partition("=")
    key = key.strip().removeprefix("code.")
    name, dot, tensor = key.partition(".")
    value = value.strip()
    if equals and value and name in _KEYS and (name == "gradients") == bool(dot and tensor):
        return key, value.strip("[] ") if name == "parameters" else value
    raise ConfigError(
        Problem(
            f"{text!r} says nothing about a program",
            allowed="loss=…, parameters=a,b, learning_rate=…, functions=…, gradients.NAME=…",
            hint=suggestion(name, _KEYS),
        )
    )


def _config_settings(program: "ProgramExperiment") -> "CodeSettings":
    """The settings of a config's `code` section."""
    from nndiag.program import CodeSettings  # noqa: PLC0415

    code = program.config.code
    functions = code.functions if isinstance(code.functions, str) else None
    if code.functions is not None and functions is None:
        functions = "\n".join(code.functions)
    rate = code.learning_rate
    return CodeSettings(
        script=None if code.script is None else _near(str(code.script)),
        class_name=None if code.class_ is None else _near(code.class_),
        functions=functions,
        loss=code.loss,
        parameters=tuple(code.parameters or ()),
        learning_rate=None if rate is None else str(rate),
        gradients=dict(code.gradients or {}),
    )


def _near(path: str) -> str:
    """A path as a person in the working folder would write it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


def _check_config(
    target: str, overrides: "Sequence[str]", *, seconds: float, as_json: bool, quiet: bool
) -> _Told:
    """Check nndiag's own gradient of a config's network."""
    from nndiag.analysis.network_check import check_network  # noqa: PLC0415
    from nndiag.experiment import load_experiment  # noqa: PLC0415
    from nndiag.experiment.building import build  # noqa: PLC0415
    from nndiag.report import gradcheck_network as words  # noqa: PLC0415

    check = check_network(build(load_experiment(target, overrides)), seconds=seconds)
    arguments = shlex.join([target, *overrides])
    report = words.network_report(check, next_command=f"nndiag train {arguments}")
    line = f"{check.name}: {words.network_line(check)}"
    if as_json:
        _emit_json(words.network_document(check))
    elif quiet:
        emit_text(f"{line}\n")
    else:
        emit(report)
    return _Told(check.correct, words.network_findings(check), line, report)


def _check_program(
    settings: "CodeSettings", *, seconds: float, write: bool, as_json: bool, quiet: bool
) -> _Told:
    """Check a user's program, and write the mended one beside it if that is asked for."""
    from nndiag.cli.live_line import LiveLine  # noqa: PLC0415
    from nndiag.program import check_program  # noqa: PLC0415
    from nndiag.report import gradcheck_program as words  # noqa: PLC0415

    line = LiveLine(enabled=not quiet)
    try:
        check = check_program(
            settings, seconds=seconds, progress=lambda phase: line.say(f"{phase} …")
        )
    finally:
        line.clear()
    mends = not check.correct or check.fixed_text is not None
    written = _written(check) if write and mends else None
    report = words.program_report(check, written=written)
    verdict = f"{check.path.name}: {words.program_line(check)}"
    if as_json:
        _emit_json(words.program_document(check, written=written))
    elif quiet:
        emit_text(f"{verdict}\n")
    else:
        emit(report)
    return _Told(check.correct, check.findings, verdict, report)


def _written(check: "ProgramCheck") -> Path | None:
    """Where the mended program was written; None where no repair was found."""
    from nndiag.program.fixed_file import write_fixed  # noqa: PLC0415

    if check.fixed_text is None:
        warn("no repair was found, so there is nothing to write")
        return None
    return write_fixed(check)


def _emit_json(document: object) -> None:
    from nndiag.trace.plain import json_text  # noqa: PLC0415

    emit_text(json_text(document))
