"""What watching a script with torch costs: `python -m tests.benchmarks.pytorch_cost`.

In a Python with torch. A 1-64-64-1 network, 200 examples, plain gradient descent: the script alone
and watched, by turns, in processor time of this process, in which torch is imported before.
"""

import contextlib
import io
import runpy
import sys
import tempfile
import time
from pathlib import Path

from tests.pytorch.scripts import watch

SCRIPT = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.linspace(-3, 3, 200).reshape(-1, 1)
y = torch.sin(x)
model = nn.Sequential(
    nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range({steps}):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
"""
TIMES = 3
STEPS = (300, 3000)


def seconds_of(call, argument):
    """Processor time of a call."""
    began = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        call(argument)
    return time.process_time() - began


def main():
    import torch  # noqa: PLC0415 (its import is not measured)

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for steps in STEPS:
            path = Path(folder) / f"steps_{steps}.py"
            path.write_text(SCRIPT.format(steps=steps), encoding="utf-8")
            pairs = [
                (seconds_of(runpy.run_path, str(path)), seconds_of(watch, path))
                for _ in range(TIMES)
            ]
            alone, watched = (min(x) for x in zip(*pairs, strict=True))
            print(
                f"{steps:,} steps: alone {alone:.2f} s, watched {watched:.2f} s, "
                f"ratio {watched / alone:.2f}, more {watched - alone:.2f} s"
            )


if __name__ == "__main__":
    sys.exit(main())
