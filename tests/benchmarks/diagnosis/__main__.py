"""Runs the population and prints its table."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tests.benchmarks.diagnosis.judging import Member, judged
from tests.benchmarks.diagnosis.population import members
from tests.benchmarks.diagnosis.table import by_fault, false_alarms, summary


def main() -> None:
    """Run what is not yet known, and print the table of what is."""
    options = _options()
    known = {row["key"]: row for row in _read(options.results)}
    wanted = members(seeds=options.seeds, with_cures=not options.no_fix)
    wanted = [member for member in wanted if options.only in member.key]
    if options.sample:
        wanted = wanted[:: options.sample]
    missing = [member for member in wanted if member.key not in known]
    start = time.monotonic()
    for done, row in enumerate(_made(missing, options.results, options.processes), 1):
        known[row["key"]] = row
        if done % 50 == 0 or done == len(missing):
            rate = (time.monotonic() - start) / done
            print(
                f"{done}/{len(missing)}, {rate * (len(missing) - done):.0f} s left", file=sys.stderr
            )
    rows = [known[member.key] for member in wanted if member.key in known]
    print("\n".join([*by_fault(rows), "", *summary(rows)]))
    if options.alarms:
        print("\n".join(["", "false alarms", *false_alarms(rows)]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.diagnosis")
    parser.add_argument("--results", type=Path, default=Path("runs/diagnosis-population.jsonl"))
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each fault on each base")
    parser.add_argument("--sample", type=int, default=0, help="take each so many member only")
    parser.add_argument("--only", default="", help="take only members with this in their name")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-fix", action="store_true", help="do not try to cure")
    parser.add_argument("--alarms", action="store_true", help="list the false alarms")
    return parser.parse_args()


def _made(missing: list[Member], results: Path, processes: int) -> Iterator[dict[str, Any]]:
    """What is found, each row written before the next one."""
    results.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes) as pool, results.open("a", encoding="utf-8") as file:
        for future in as_completed([pool.submit(judged, member) for member in missing]):
            row = future.result()
            file.write(json.dumps(row) + "\n")
            file.flush()
            yield row


def _read(results: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, whose last line may have been cut off."""
    if not results.exists():
        return
    for line in results.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


main()
