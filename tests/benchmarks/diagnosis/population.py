"""Which runs are made: every fault on several bases and seeds, and healthy ones."""

from tests.benchmarks.diagnosis.bases import combinations
from tests.benchmarks.diagnosis.faults import FAULTS
from tests.benchmarks.diagnosis.judging import Member

_BASES_PER_FAULT = 24
_CURED_EVERY = 6  # each so many members of a fault are handed to `fix`


def members(*, seeds: int, with_cures: bool) -> list[Member]:
    """The population; the same every time."""
    bases = combinations()
    found = [
        Member(f"healthy {'/'.join(one)} {seed}", one, seed, None)
        for seed in range(seeds + 1)
        for one in bases
    ]
    for number, fault in enumerate(FAULTS):
        stride = max(1, len(bases) // _BASES_PER_FAULT)
        chosen = bases[number % stride :: stride]
        for place, one in enumerate(chosen):
            for seed in range(seeds):
                cure = with_cures and (place + seed) % _CURED_EVERY == 0
                key = f"{fault.name} {'/'.join(one)} {seed}{' cured' if cure else ''}"
                found.append(Member(key, one, seed, fault.name, cure))
    return found
