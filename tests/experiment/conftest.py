from collections.abc import Callable
from pathlib import Path

import pytest

SINE = """\
dataset: sine
network:
  layers:
    - {units: 5, activation: tanh}
    - {units: 1}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a config, or any file, and gives its path."""

    def written(text: str | bytes = SINE, name: str = "config.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written
