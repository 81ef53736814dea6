"""Attacks one target for a while, led by coverage where atheris is installed, by chance elsewhere.

    python -m tests.fuzz.guided TARGET SECONDS FOLDER

New inputs that reach new code are kept in FOLDER, and one that breaks something as ``crash-…``.
"""

import contextlib
import hashlib
import random
import re
import sys
import time
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

OURS = ["sampler", "analyzer", "api"]
_HANGS_AFTER_SECONDS = 30
_MOST_MEGABYTES = 4096


def main(name: str, seconds: str, folder: str) -> None:
    """See the module."""
    with atheris.instrument_imports(include=OURS) if atheris else contextlib.nullcontext():
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented while it is imported
    from tests.fuzz.mutating import LONGEST, damaged_json, mutations  # noqa: PLC0415

    target, found = TARGETS[name], Path(folder)
    found.mkdir(parents=True, exist_ok=True)
    if atheris is None:
        until, tried = time.monotonic() + float(seconds), 0
        seeds = [path.read_bytes() for path in target.corpus]
        for data in mutations(seeds, sys.maxsize, seed=time.time_ns(), as_json=target.as_json):
            if time.monotonic() > until:
                break
            (found / "crash-last").write_bytes(data)
            target.attack(data)
            tried += 1
        (found / "crash-last").unlink(missing_ok=True)
        sys.stderr.write(f"stat::number_of_executed_units: {tried}\n")
        return

    def attack(data: bytes) -> None:
        """The input is kept here and not left to libFuzzer, which a decoder's threads may keep from doing so."""
        try:
            target.attack(data)
        except BaseException:
            (found / f"crash-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        dice = random.Random(seed)
        if target.as_json and dice.random() < 0.6:
            for _ in range(dice.randint(1, 3)):
                data = damaged_json(data, dice)
            return data[:longest]
        return bytes(atheris.Mutate(data, longest))

    seeds = target.corpus[0].parent
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={_HANGS_AFTER_SECONDS}",
        f"-rss_limit_mb={_MOST_MEGABYTES}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
        "-report_slow_units=20",
    ]
    atheris.Setup([sys.argv[0], *options, str(found), str(seeds)], attack, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    name, seconds, folder = sys.argv[1:]
    assert re.fullmatch(r"\d+", seconds)
    main(name, seconds, folder)
