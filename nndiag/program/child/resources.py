"""What a process takes, as Linux tells it; elsewhere nothing is known, and nothing is bounded."""

from __future__ import annotations

from pathlib import Path

_SHARE = 0.75  # of the memory that the machine has to spare
_PROCESSES = Path("/proc")


def affordable_memory() -> int | None:
    """Bytes that a program may take; None where that is not known."""
    for line in _text(_PROCESSES / "meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(_SHARE * 1024 * int(rest.split()[0]))
    return None


def memory_of(process: int) -> int:
    """Bytes of memory that a process and its children use; 0 where that is not known."""
    total = 0
    for line in _text(_PROCESSES / str(process) / "status").splitlines():
        if line.startswith("VmRSS:"):
            total = 1024 * int(line.split()[1])
    children = _text(_PROCESSES / str(process) / "task" / str(process) / "children")
    return total + sum(memory_of(int(child)) for child in children.split())


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
