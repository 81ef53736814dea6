"""Fuzzes every target, or those that are named, for a while each; says what was tried and what broke.

    python -m tests.fuzz [--seconds 60] [--output fuzz-output] [TARGET...]

An input that breaks something is left in the output folder. To keep it for good, mend what broke and put it into
``tests/fuzz/corpus``: the normal tests replay all of that.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS

_GRACE_SECONDS = 120
"""For loading, and for the input that is under way at the end."""
_TRIED = re.compile(rb"stat::number_of_executed_units:\s*(\d+)")
_BROKEN = ("crash-", "timeout-", "oom-", "leak-")


def _fuzz(name: str, seconds: int, folder: Path) -> tuple[int, list[Path]]:
    """How many inputs were tried, and those that broke something."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".log")
    with log.open("wb") as out:
        subprocess.run(
            [sys.executable, "-m", "tests.fuzz.guided", name, str(seconds), str(folder)],
            stdout=out,
            stderr=out,
            check=False,  # its timer may end it by a signal: what counts is what it leaves
            timeout=seconds + _GRACE_SECONDS,
        )
    tried = _TRIED.findall(log.read_bytes())
    return int(tried[-1]) if tried else 0, [p for p in folder.iterdir() if p.name.startswith(_BROKEN)]


def main() -> int:
    """0 if every target was tried and none broke."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description="Fuzz what strangers' bytes reach."
    )
    parser.add_argument(
        "target", nargs="*", choices=[*TARGETS, []], help=f"of {', '.join(TARGETS)}; all if none is named"
    )
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: %(default)s)")
    parser.add_argument(
        "--output", type=Path, default=Path("fuzz-output"), help="folder (default: %(default)s)"
    )
    given = parser.parse_args()
    failed = False
    for name in given.target or TARGETS:
        tried, broken = _fuzz(name, given.seconds, given.output / name)
        failed |= bool(broken) or not tried
        sys.stdout.write(f"{name}: {tried} tried, {len(broken)} broke something\n")
        sys.stdout.writelines(f"  {path}\n" for path in broken)
        sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
