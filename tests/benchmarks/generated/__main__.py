"""Write the programs, or run nndiag over them: `python -m tests.benchmarks.generated --help`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tests.benchmarks.generated.scoring import Asking, as_record, made, scored
from tests.benchmarks.generated.table import KINDS, table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.generated")
    parser.add_argument("--right", type=int, default=0, help="right programs")
    parser.add_argument("--bugs", type=int, default=0, help="programs with one bug")
    parser.add_argument("--two", type=int, default=0, help="programs with two bugs")
    parser.add_argument("--healthy", type=int, default=0, help="right programs, run by train")
    parser.add_argument("--settings", type=int, default=0, help="programs with a wrong setting")
    parser.add_argument("--mixed", type=int, default=0, help="a wrong setting and a bug")
    parser.add_argument(
        "--seeds",
        choices=["look", "report"],
        default="look",
        help="the programs that may be looked at, or those of which only totals are told",
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first program")
    parser.add_argument(
        "--only", default="", help="one style of the right ones, one bug or one setting"
    )
    parser.add_argument("--write", type=Path, help="write the programs here and end")
    parser.add_argument("--keep", type=Path, help="folder of results; what is there is not redone")
    parser.add_argument("--seconds", type=float, default=10.0, help="time that nndiag is given")
    parser.add_argument("--engine", type=Path, default=Path(), help="folder that holds nndiag/")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--list-misses", action="store_true", help="each miss (look only)")
    return parser.parse_args()


def tasks(options: argparse.Namespace) -> list[tuple[str, int]]:
    return [
        (kind, options.first + index) for kind in KINDS for index in range(getattr(options, kind))
    ]


def write(options: argparse.Namespace) -> None:
    """Write programs with their truth, to be looked at."""
    assert options.seeds == "look", "programs of the reported seeds are never shown"
    for kind, index in tasks(options):
        try:
            specimen = made(kind, "look", index, options.only)
        except RuntimeError as error:
            print(error)
            continue
        folder = options.write / f"{specimen.name}-{specimen.draft.style.name}"
        specimen.write(folder)
        print(folder)


def measured(options: argparse.Namespace, known: set[str]) -> Iterator[dict[str, Any]]:
    """A record of each program that is not known yet, as they come in."""
    asking = Asking(options.seconds, options.engine, options.keep)
    with ProcessPoolExecutor(options.jobs) as pool:
        waiting = {}
        for kind, index in tasks(options):
            key = f"{options.seeds} {kind} {index} {options.only}"
            if key not in known:
                future = pool.submit(scored, kind, options.seeds, index, options.only, asking)
                waiting[future] = key
        for future in as_completed(waiting):
            try:
                yield {"key": waiting[future], **as_record(future.result())}
            except Exception as error:  # a long run goes on; the program is not counted
                print(f"{waiting[future]}: {error!r}")


def stored(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The records of earlier calls that this one asks for."""
    path = options.keep / "results.jsonl" if options.keep else None
    if path is None or not path.exists():
        return []
    wanted = {f"{options.seeds} {kind} {index} {options.only}" for kind, index in tasks(options)}
    lines = path.read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["key"] in wanted]


def missed(record: dict[str, Any]) -> bool:
    if record["kind"] in {"right", "healthy"}:
        return bool(record["called"] or record["refused"])
    return not (record["called"] and record["named"] and record["line"] and record["repaired"])


def list_misses(records: list[dict[str, Any]]) -> None:
    for record in sorted(records, key=lambda r: r["name"]):
        if missed(record):
            seen = [key for key in ("called", "named", "line", "repaired") if record[key]]
            said = "; ".join(record["said"]) or record["refused"] or "nothing"
            print(f"{record['name']} {record['style']} {record['bugs']}: {seen}; said: {said}")


def main() -> None:
    options = arguments()
    if options.write:
        write(options)
        return
    records = stored(options)
    for record in measured(options, {record["key"] for record in records}):
        records.append(record)
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            with (options.keep / "results.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
    print(table(records))
    if options.list_misses and options.seeds == "look":
        list_misses(records)


if __name__ == "__main__":
    main()
