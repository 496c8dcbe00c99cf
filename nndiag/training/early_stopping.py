"""Ends a run whose validation loss falls no further, and keeps its best parameters.

Source: Prechelt 1998, Early stopping — but when?, sec. 2; options as in Keras' `EarlyStopping`.
"""

import numpy as np

from nndiag.arrays import FloatArray
from nndiag.experiment.building import EarlyStopping
from nndiag.nn.network import Architecture, Examples, loss


class Patience:
    """Watches the validation loss at the end of each epoch.

    Args:
        asked: What the config asks for.
        shape: The network.
        validation: The validation examples.
    """

    def __init__(self, asked: EarlyStopping, shape: Architecture, validation: Examples) -> None:
        self._asked, self._shape, self._validation = asked, shape, validation
        self._best, self._waited = np.inf, 0
        self._parameters: FloatArray | None = None

    @property
    def restored(self) -> FloatArray | None:
        """The best parameters (P,) where they are to be taken in the end; None before an epoch."""
        return self._parameters if self._asked.restore_best_weights else None

    def is_over(self, parameters: FloatArray) -> bool:
        """Whether an epoch that ended at `parameters` (P,) was one without progress too many."""
        found = float(loss(self._shape, parameters, self._validation))
        if found < self._best - self._asked.min_delta:
            self._best, self._waited, self._parameters = found, 0, parameters.copy()
        else:
            self._waited += 1
        return self._waited >= self._asked.patience
