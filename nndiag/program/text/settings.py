"""What a user may say about a program, where looking at it is not enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class CodeSettings:
    """Which program to check, and what is what in it.

    Attributes:
        script: Path of the program, `.py` or `.ipynb`.
        class_name: `file.py:Class`; the training loop is then looked for in this class first.
        functions: One or more statements, run after the file has run, that make one step or return
            the cost and the gradients: `"grads, cost = propagate(w, b, X, Y)"`. They stand in for
            the training loop of a file that has none.
        loss: Expression over the variables of one iteration; found by itself where None.
        parameters: Names of the parameters; found by watching one iteration where empty.
        learning_rate: Expression; read from the update where None.
        gradients: Parameter name → expression that holds its gradient after one iteration; the
            step itself is compared where a parameter is not named. Those that `functions` give are
            found by their names where none is said.
        directory: Folder that relative paths start from.
    """

    script: str | None = None
    class_name: str | None = None
    functions: str | None = None
    loss: str | None = None
    parameters: tuple[str, ...] = ()
    learning_rate: str | None = None
    gradients: Mapping[str, str] = field(default_factory=dict)
    directory: Path = field(default_factory=Path)

    @property
    def path(self) -> Path | None:
        """The program's file, None where neither `script` nor `class_name` is given."""
        name = self.script
        if name is None and self.class_name is not None:
            name = self.class_name.rpartition(":")[0] or self.class_name
        return None if name is None else self.directory / name

    @property
    def expressions(self) -> dict[str, str]:
        """The expressions over one iteration, by the key of the config that they stand under."""
        said = {} if self.loss is None else {"loss": self.loss}
        return said | {f"gradients.{name}": text for name, text in self.gradients.items()}

    @property
    def names_parameters(self) -> bool:
        """Whether the user says which variables are the parameters."""
        return bool(self.parameters) or (self.functions is not None and bool(self.gradients))

    def gradient_of(self, name: str) -> str | None:
        """The key of the expression for the gradient of a parameter; None where none is named.

        Args:
            name: The parameter, as the program writes it.
        """
        for said in self.gradients:
            if said.replace("'", '"') in {name, name.partition(".")[2]}:
                return f"gradients.{said}"
        return None


def is_numeral(text: str) -> bool:
    """Whether a text is a number, and no expression."""
    try:
        float(text)
    except ValueError:
        return False
    return True
