"""Whether the verbs agree on every shipped config: `python -m tests.benchmarks.agreement [PART …]`.

Where one warns of a problem, no other says that nothing is wrong: a check of `doctor` that failed,
or a finding of `sweep-lr`, is no news beside a `train` that found nothing in a finished run, and
what `train` calls broken is not "ready to train" and "nothing to fix" at once. What `train` says to
try first is what `fix` tries first, and where `fix` finds the fault in the data alone, `train` has
no setting to try.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import nndiag
from nndiag.finding import Finding, Outcome, Severity
from nndiag.verbs.fix import FixResult
from nndiag.verbs.run import RunResult

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*/*.yaml"))


def disagreements(config: Path, *, sweep: bool = True, fix: bool = True) -> Iterator[str]:
    """What two verbs say of one config that cannot both be true.

    Args:
        config: The config.
        sweep: Whether `sweep-lr` is asked, too, which takes longest.
        fix: Whether `fix` is asked, too.
    """
    run, look = nndiag.train(str(config)), nndiag.doctor(str(config))
    graver = _graver(run.findings)
    fine = not graver and run.outcome is Outcome.CONVERGED
    for check in look.failed:
        if fine:
            yield f"doctor fails {check.name!r} ({check.message}), train says nothing is wrong"
    errors = {x.problem for x in run.findings if x.severity is Severity.ERROR}
    warned = {x.problem for x in (*look.failed, *look.warnings) if x.problem is not None}
    told_of_scales = errors & {"unscaled-inputs", "unscaled-targets"}
    for problem in told_of_scales - warned:
        yield f"train says {problem}, doctor finds the scales in order"
    if sweep:
        for problem in _graver(nndiag.sweep_lr(str(config)).findings):
            if fine:
                yield f"sweep-lr says {problem}, train says nothing is wrong"
    if fix:
        yield from _against_fix(config, run, fine=fine)


def _against_fix(config: Path, run: RunResult, *, fine: bool) -> Iterator[str]:
    """What `train` and `fix` say that cannot both be true."""
    found = nndiag.fix(str(config))
    assert isinstance(found, FixResult)  # its control is the trial of another seed
    wanted = [suggestion.remedy for suggestion in run.diagnosis.suggested]
    first = [x for x in wanted if x != "another-seed" or found.control is None][:1]
    tried = [name for trial in found.trials[:1] for name in trial.remedies]
    if fine and not found.healthy:
        yield f"train says nothing is wrong, fix tries {len(found.trials)} changes"
    errors = [x.problem for x in run.findings if x.severity is Severity.ERROR]
    if errors and found.healthy:
        yield f"train says {errors[0]}, fix says nothing is to be fixed"
    if tried and first and tried not in (first, wanted[:1]):
        yield f"train says to try {first[0]}, fix tries {tried[0]} first"
    if found.in_the_data and first:
        yield f"fix says that it is in the data, train says to try {first[0]}"


def _graver(findings: tuple[Finding, ...]) -> set[str]:
    return {x.problem for x in findings if x.severity is not Severity.NOTE}


def main() -> int:
    """Print every disagreement; 1 where there is one."""
    chosen = [
        x for x in CONFIGS if not sys.argv[1:] or any(part in str(x) for part in sys.argv[1:])
    ]
    found = 0
    for config in chosen:
        for line in disagreements(config):
            found += 1
            print(f"{config.relative_to(ROOT)}: {line}", flush=True)
    print(f"{len(chosen)} configs, {found} disagreements")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
