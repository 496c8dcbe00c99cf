"""Which runs are made: every fault on several bases and seeds, and healthy ones."""

from tests.benchmarks.diagnosis.bases import VARIANTS, combinations
from tests.benchmarks.diagnosis.faults import FAULTS
from tests.benchmarks.diagnosis.judging import Member

_BASES_PER_FAULT = 24
_STEP = 3  # so that each base meets variants of all kinds over its seeds
_CURED_EVERY = 6  # each so many members of a fault are handed to `fix`


def members(*, seeds: int, with_cures: bool) -> list[Member]:
    """The population; the same every time."""
    bases = combinations()
    found = []
    for place, one in enumerate(bases):
        for seed in range(2 * seeds):
            variant = VARIANTS[(place + seed * _STEP) % len(VARIANTS)]
            key = f"healthy {'/'.join(one)} {variant} {seed}"
            found.append(Member(key, one, seed, None, variant))
    for number, fault in enumerate(FAULTS):
        stride = max(1, len(bases) // _BASES_PER_FAULT)
        chosen = bases[number % stride :: stride]
        for place, one in enumerate(chosen):
            for seed in range(seeds):
                cure = with_cures and (place + seed) % _CURED_EVERY == 0
                key = f"{fault.name} {'/'.join(one)} {seed}{' cured' if cure else ''}"
                found.append(Member(key, one, seed, fault.name, cure=cure))
    return found
