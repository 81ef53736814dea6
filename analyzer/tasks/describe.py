"""The task ``describe``: the whole, its chapters and its shots in plain words."""

from analyzer.chaptering import chapters, titles
from analyzer.describing import describe_shots, summarise
from analyzer.types import DescribeResult
from analyzer.understanding import Understanding


def describe(seen: Understanding) -> DescribeResult:
    """Return the summary, the chapters and a description of each shot."""
    return DescribeResult(summarise(seen, titles(seen)), chapters(seen), describe_shots(seen))
