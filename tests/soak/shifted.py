"""``tests.service.process`` with a clock that jumps: by as many seconds as the file $CLOCK says at the moment."""

import os
import sys
import time
from pathlib import Path

_TRUE = time.time
_TRUE_NS = time.time_ns


def _shift() -> float:
    return float(Path(os.environ["CLOCK"]).read_text() or 0)


time.time = lambda: _TRUE() + _shift()  # type: ignore[assignment]
time.time_ns = lambda: _TRUE_NS() + int(_shift() * 1e9)  # type: ignore[assignment]

from tests.service.process import main  # noqa: E402

if __name__ == "__main__":
    main(*sys.argv[1:])
