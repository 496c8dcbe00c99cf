"""`demo`: a network that does not train, what is wrong with it, and the change that cures it."""

from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from nndiag.errors import ConfigError, Location, Problem, UnknownNameError, unwritable
from nndiag.finding import Severity
from nndiag.registry import suggestion
from nndiag.verbs.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from nndiag.report.document import Document

FIRST = "exploding_sine.yaml"
_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "demos", _PACKAGE.parent / "configs" / "posts")  # installed, or a clone


@dataclass(frozen=True)
class Demo:
    """One network to look at.

    Attributes:
        name: The name of its file.
        about: What it is, in a sentence.
        text: The config or the program.
    """

    name: str
    about: str
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class DemoResult(Result):
    """A demo, or all of them.

    Attributes:
        demos: Those that were asked for.
        run: What `train` says of the one that was shown; None where none was.
        fix: What `fix` says of it.
        written: The file that it was written to.
    """

    demos: tuple[Demo, ...]
    run: Result | None = None
    fix: Result | None = None
    written: Path | None = None

    def gravest(self) -> Severity | None:
        """None: the faults of a demo are nobody's."""
        return None

    def line(self) -> str:
        """The names, or the verdicts."""
        if self.run is not None and self.fix is not None:
            return f"{self.run.line()}; {self.fix.line()}"
        return ", ".join(one.name for one in self.demos)

    def document(self) -> "Document":
        """The object that `--json` prints."""
        from nndiag.report.demo_document import demo_document  # noqa: PLC0415 (only when asked for)

        return demo_document(self)

    def __rich__(self) -> "RenderableType":
        from nndiag.report.demo import demo_report  # noqa: PLC0415 (rich costs 50 ms)

        return demo_report(self)


def demo(
    name: str = FIRST,
    *,
    write: bool = False,
    every: bool = False,
    notice: "Callable[[str], None] | None" = None,
) -> DemoResult:
    """Show a network that does not train, and its fix.

    Args:
        name: Which one; its ending may be left out.
        write: Whether to write it into this folder instead of showing it.
        every: Whether to tell all names instead.
        notice: Told what is tried.

    Raises:
        UnknownNameError: There is no such demo.
        ConfigError: The file exists, or cannot be written.
    """
    if every:
        return DemoResult(tuple(demos()))
    chosen = _demo_of(name)
    if write:
        return DemoResult((chosen,), written=_written(chosen))
    from nndiag.verbs.fix import fix  # noqa: PLC0415 (only what a verb needs)
    from nndiag.verbs.train import train  # noqa: PLC0415

    with TemporaryDirectory() as folder, chdir(folder):  # told as where `--write` writes it
        _written(chosen)
        run = train(chosen.name, notice=notice)
        return DemoResult((chosen,), run, fix(chosen.name, write=False, notice=notice))


def demos() -> list[Demo]:
    """All demos, by name; configs that only change another one are left out."""
    files = [*_folder().glob("*.yaml"), *_folder().glob("*.py")]
    texts = {file.name: file.read_text(encoding="utf-8") for file in sorted(files)}
    return [
        Demo(name, _about(text), text) for name, text in texts.items() if "\nextends:" not in text
    ]


def _folder() -> Path:
    return next(folder for folder in _FOLDERS if folder.is_dir())


def _about(text: str) -> str:
    """The comment or the docstring that a file begins with, as one sentence."""
    if text.startswith('"""'):
        words = text[3:].partition('"""')[0].partition("\n\n")[0]
    else:
        lines = [line[1:] for line in text.partition("\n\n")[0].splitlines() if line[:1] == "#"]
        words = " ".join(lines)
    return " ".join(words.split())


def _demo_of(name: str) -> Demo:
    every = demos()
    for one in sorted(every, key=lambda one: one.name.endswith(".py")):
        if name in (one.name, Path(one.name).stem):
            return one
    names = [one.name for one in every]
    hint = suggestion(name, names)
    raise UnknownNameError(
        Problem(f"no demo is called {name!r}", allowed=", ".join(names), hint=hint)
    )


def _written(chosen: Demo) -> Path:
    file = Path(chosen.name)
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(chosen.text)
    except FileExistsError as error:
        problem = Problem("exists already; nothing was written", Location(str(file)))
        raise ConfigError(problem) from error
    except OSError as error:
        raise unwritable(file, error, hint="start nndiag in a folder of your own") from error
    return file
