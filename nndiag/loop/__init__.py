"""A recorder for a training loop of the user's own: three lines, cheap enough to leave in.

    recorder = nndiag.Recorder("runs/mine")
    for ...:
        recorder.step(loss, parameters={"W1": W1, ...}, gradients={"W1": dW1, ...})
    print(recorder.diagnose())

It writes the same trace as `nndiag train`, so that `nndiag diagnose runs/mine` judges it again. May
import `trace`, `nn`, `nested` and, when asked to diagnose, `results`.
"""

from nndiag.loop.recorder import Recorder

__all__ = ["Recorder"]
