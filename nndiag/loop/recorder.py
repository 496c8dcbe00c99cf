"""The recorder that a training loop calls."""

import weakref
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from nndiag.errors import Problem, RunError
from nndiag.loop.data import completed, examples
from nndiag.loop.record import LoopRecord
from nndiag.pytree import one_number
from nndiag.trace import Facts, Trace
from nndiag.trace.run_folder import claim_folder, write_environment

if TYPE_CHECKING:
    from nndiag.verbs.run import RunResult


class Recorder:
    """Records a training loop, step by step, into a folder of its own.

    The norm of each layer's gradient is taken at every step; norms of the parameters and the size
    of an update relative to them are measured at steps spaced evenly in log(step). What is a layer
    is read from the container: see `nndiag.pytree.layers_of`, or nest it: `{"hidden": [W1, b1]}`.

    What is known of the data makes the diagnosis sharper; all of it is optional. A program that is
    killed loses the last 0.2 seconds of its record at most.

    Args:
        folder: Where to record. An existing folder is left alone: `-2`, `-3` … is appended.
        inputs: Training inputs as the network sees them, shape (B, D) or (B,).
        targets: Training targets, shape (B, O) or (B,).
        loss: Name of the loss, as in a config: `nndiag list losses`.
        reduction: Its reduction, as in a config.
        baseline_loss: Loss of the mean baseline; computed where `loss` and `targets`
            are given.
        batch_size: Examples per step; all of them by default where `inputs` are given.
        learning_rate: The learning rate of the start.
        total_steps: Number of steps that are meant to be taken.

    Raises:
        RunError: The folder cannot be written.
        NndiagError: What is told of the data does not fit together.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        inputs: Any = None,
        targets: Any = None,
        loss: str | None = None,
        reduction: Literal["mean", "sum", "half_mean", "half_sum"] = "mean",
        baseline_loss: float | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        total_steps: int | None = None,
    ) -> None:
        facts = Facts(
            inputs=None if inputs is None else examples(inputs, "inputs"),
            targets=None if targets is None else examples(targets, "targets"),
            loss=loss,
            reduction=None if loss is None else reduction,
            baseline_loss=baseline_loss,
            batch_size=batch_size,
            learning_rate=learning_rate,
            total_steps=total_steps,
        )
        facts = completed(facts)
        self.folder = claim_folder(Path(folder))
        write_environment(self.folder, seed=None)
        self._record = LoopRecord(self.folder, replace(facts, settings={"name": self.folder.name}))
        self._finalizer = weakref.finalize(self, LoopRecord.leave, self._record)

    def step(
        self,
        loss: Any,
        *,
        parameters: Any = None,
        gradients: Any = None,
        learning_rate: float | None = None,
        training_loss: float | None = None,
        validation_loss: float | None = None,
    ) -> None:
        """Record one step.

        Args:
            loss: Loss of the step's batch, one number.
            parameters: Arrays, numbers, lists or dicts of them, nested.
            gradients: The gradients of the loss, in a container like that of the parameters.
            learning_rate: The rate in force, where it changes.
            training_loss: Loss over all training examples, where it was computed.
            validation_loss: Loss over validation examples, where it was computed.

        Raises:
            UserCodeError: The loss is not one number, something is no tensor, or the containers
                have changed since the first step.
        """
        measured = {}
        if learning_rate is not None:
            measured["learning_rate"] = learning_rate
        if training_loss is not None:
            measured["training_loss"] = training_loss
        if validation_loss is not None:
            measured["validation_loss"] = validation_loss
        number = loss if isinstance(loss, float) else one_number(loss)
        self._record.step(number, parameters, gradients, measured)

    @property
    def steps(self) -> int:
        """Number of recorded steps."""
        return self._record.count

    def trace(self) -> Trace:
        """All that was recorded until now, as if the loop ended here."""
        return self._record.trace()

    def diagnose(self, **options: Any) -> "RunResult":
        """What is to be said about the run until now; recording may go on.

        Args:
            options: `thresholds`, `ignore` and `select`, as `nndiag.diagnose` takes them.

        Raises:
            RunError: No step was recorded.
            NndiagError: A threshold or problem does not exist.
        """
        from nndiag.verbs.run import judged  # noqa: PLC0415 (costs as much as the loop's own start)

        self._record.flush()
        if not self.steps:
            raise RunError(
                Problem("no step was recorded", hint="call step(loss, …) in the training loop")
            )
        return judged(self.trace(), name=self.folder.name, run=self.folder, **options)

    def close(self) -> None:
        """Write what is left: the run is over. The end of a `with` or of the program does so."""
        self._record.close("finished")

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._record.close("finished" if kind is None else "interrupted")

    def __repr__(self) -> str:
        return f"<Recorder {str(self.folder)!r}: {self.steps:,} steps>"
