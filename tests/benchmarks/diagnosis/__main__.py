"""Runs the population and prints its table."""

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from concurrent.futures import as_completed
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import nndiag
from nndiag.parallel import Workers
from tests.benchmarks.diagnosis.judging import Member, judged
from tests.benchmarks.diagnosis.population import members
from tests.benchmarks.diagnosis.table import by_fault, failures, false_alarms, summary

HALVES = ("even", "odd")


def main() -> int:
    """Run what is not yet known, and print the table of what is; the exit code."""
    options, version = _options(), _version()
    known = {row["key"]: row for row in _read(options.results) if row.get("version") == version}
    wanted = members(seeds=options.seeds, with_cures=not options.no_fix)
    wanted = [member for member in wanted if options.only in member.key]
    if options.half:
        wanted = [member for member in wanted if member.seed % 2 == HALVES.index(options.half)]
    if options.sample:
        wanted = wanted[:: options.sample]
    missing = [member for member in wanted if member.key not in known]
    start, done, interrupted = time.monotonic(), 0, False
    try:
        with closing(_made(missing, options.results, options.processes)) as found:
            for done, row in enumerate(found, 1):
                known[row["key"]] = row | {"version": version}
                _append(options.results, known[row["key"]])
                if done % 50 == 0 or done == len(missing):
                    left = (time.monotonic() - start) / done * (len(missing) - done)
                    print(f"{done}/{len(missing)}, {left:.0f} s left", file=sys.stderr)
    except KeyboardInterrupt:
        interrupted = True
    rows = [known[member.key] for member in wanted if member.key in known]
    seconds = time.monotonic() - start
    print(
        f"{date.today()}, nndiag {version}, Python {platform.python_version()}: {len(rows):,} of "
        f"{len(wanted):,} runs, {done:,} of them now, in {seconds:.0f} s with "
        f"{options.processes} processes\n"
    )
    print("\n".join([*by_fault(rows), "", *summary(rows)]))
    if options.alarms:
        print("\n".join(["", "false alarms", *false_alarms(rows)]))
    failed = failures(rows)
    if failed:
        print("\n".join(["", "failures", *failed]))
    if interrupted:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.diagnosis")
    parser.add_argument("--results", type=Path, default=Path("runs/diagnosis-population.jsonl"))
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each fault on each base")
    parser.add_argument("--sample", type=int, default=0, help="take each so many member only")
    parser.add_argument("--only", default="", help="take only members with this in their name")
    parser.add_argument("--half", choices=HALVES, default="", help="take even or odd seeds only")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-fix", action="store_true", help="do not try to cure")
    parser.add_argument("--alarms", action="store_true", help="list the false alarms")
    return parser.parse_args()


def _version() -> str:
    """A hash of the sources: what other ones found is not taken over."""
    folders = (Path(nndiag.__file__).parent, Path(__file__).parent)
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:10]


def _made(missing: list[Member], results: Path, processes: int) -> Iterator[dict[str, Any]]:
    """What is found, in the order in which it is done; Ctrl-C gives the rest up."""
    results.parent.mkdir(parents=True, exist_ok=True)
    with Workers(processes) as pool:
        for future in as_completed([pool.submit(judged, member) for member in missing]):
            yield future.result()


def _append(results: Path, row: dict[str, Any]) -> None:
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _read(results: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, whose last line may have been cut off."""
    if not results.exists():
        return
    for line in results.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


if __name__ == "__main__":
    sys.exit(main())
