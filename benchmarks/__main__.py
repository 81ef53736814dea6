"""The command: measure, write the results, draw the page and the chart."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.charting import chart
from benchmarks.datasets import FootageMissingError, default_folder, prepare, selected
from benchmarks.reporting import tables, updated_page
from benchmarks.running import Failure, run, surroundings

_ROOT = Path(__file__).parent.parent
_PAGE, _CHART = _ROOT / "docs" / "benchmarks.md", _ROOT / "docs" / "benchmarks.svg"


def main() -> int:
    """Run the command.

    Returns:
        0, or 3 where the footage is missing.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a few short datasets only; nothing in docs/ changes"
    )
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        choices=["cuts", "codecs", "skimming", "events", "long", "times"],
    )
    parser.add_argument("--media-cache", type=Path, default=default_folder(), help="where datasets are kept")
    parser.add_argument("--output", type=Path, help="where the results go (JSON)")
    parser.add_argument("--prepare", action="store_true", help="only make the datasets")
    parser.add_argument(
        "--report", type=Path, metavar="JSON", help="only draw the page and the chart of these results"
    )
    options = parser.parse_args()
    if options.report:
        _publish(json.loads(options.report.read_text("utf-8")))
        return 0
    datasets = selected(quick=options.quick, groups=options.group)
    try:
        for number, dataset in enumerate(datasets, 1):
            print(f"dataset {number} of {len(datasets)}: {dataset.name}", file=sys.stderr)
            prepare(dataset, options.media_cache)
        results = {} if options.prepare else _measure(options, datasets)
    except FootageMissingError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 3
    if results:
        print(tables(results))
        _write(results, options)
    return 0


def _measure(options: argparse.Namespace, datasets: list[Any]) -> dict[str, Any]:
    results: dict[str, Any] = {**surroundings(), "rows": [], "failures": []}
    try:
        for came in run(datasets, options.media_cache):
            kind = "failures" if isinstance(came, Failure) else "rows"
            results[kind].append(asdict(came))
            told = came.why if isinstance(came, Failure) else f"{came.wall_seconds:.2f} s"
            print(f"{came.dataset}: {came.name} {came.task}: {told}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted: what was measured so far is told", file=sys.stderr)
    return results


def _write(results: dict[str, Any], options: argparse.Namespace) -> None:
    whole = not options.quick and not options.group
    output = options.output or (_ROOT / "benchmarks" / "results" / "latest.json" if whole else None)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(_json(results), "utf-8")
    if whole and not options.output:
        _publish(results)


def _json(results: dict[str, Any]) -> str:
    """One row a line, so that two runs can be compared line by line."""
    rows = ",\n  ".join(json.dumps(row) for row in results["rows"])
    rest = json.dumps({name: value for name, value in results.items() if name != "rows"}, indent=1)
    return f'{rest[:-2]},\n "rows": [\n  {rows}\n ]\n}}\n'


def _publish(results: dict[str, Any]) -> None:
    _PAGE.write_text(updated_page(_PAGE.read_text("utf-8"), tables(results)), "utf-8")
    _CHART.write_text(chart(results), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
