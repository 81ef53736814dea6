"""How right a result is: pure functions of what was found and what is true.

Shot boundaries are scored as in TRECVID's shot boundary task (Smeaton, Over and Doherty, "Video shot boundary
detection: Seven years of TRECVid activity", Computer Vision and Image Understanding 114(4), 2010): a found boundary is
right if it overlaps a true transition, a hard cut being widened by five frames on either side; each true transition is
found at most once, so that a second report of it is a false alarm. Two departures, as the peers report points in time
and most do not tell cuts from gradual transitions: a gradual transition is widened like a cut, and kinds are not told
apart in matching. Five frames are 0.2 s here, whatever the frame rate.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from tests.truth import Cut, Manner, Span

TOLERANCE_SECONDS = 0.2
"""Five frames at 25 a second."""
_EPSILON = 1e-6
"""Times that are written with a microsecond are no less equal for that."""


@dataclass(frozen=True, slots=True)
class CutScore:
    """How well true transitions were found; scores add up over videos."""

    found: int = 0
    """True transitions that were found."""
    missed: int = 0
    false: int = 0
    """Found boundaries that are none."""
    found_of_kind: Mapping[Manner, tuple[int, int]] = field(default_factory=dict)
    """For each manner: how many were found, of how many."""
    offsets_seconds: tuple[float, ...] = ()
    """How far from the truth each hard cut was found, signed."""

    @property
    def precision(self) -> float:
        """Share of what was found that is true; 1 where nothing was found."""
        return self.found / (self.found + self.false) if self.found + self.false else 1.0

    @property
    def recall(self) -> float:
        """Share of what is true that was found; 1 where there is nothing to find."""
        return self.found / (self.found + self.missed) if self.found + self.missed else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is nothing to find and nothing was found."""
        wrong = self.missed + self.false
        return 2 * self.found / (2 * self.found + wrong) if self.found + wrong else 1.0

    def __add__(self, other: "CutScore") -> "CutScore":
        kinds = {
            kind: (
                self.found_of_kind.get(kind, (0, 0))[0] + other.found_of_kind.get(kind, (0, 0))[0],
                self.found_of_kind.get(kind, (0, 0))[1] + other.found_of_kind.get(kind, (0, 0))[1],
            )
            for kind in {**self.found_of_kind, **other.found_of_kind}
        }
        return CutScore(
            self.found + other.found,
            self.missed + other.missed,
            self.false + other.false,
            kinds,
            self.offsets_seconds + other.offsets_seconds,
        )


@dataclass(frozen=True, slots=True)
class Matching:
    """Which found boundary is which true transition."""

    pairs: tuple[tuple[float, Cut], ...]
    missed: tuple[Cut, ...]
    false: tuple[float, ...]


def match(
    found: Iterable[float],
    truth: Sequence[Cut],
    unclear: Sequence[Span] = (),
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> Matching:
    """Pair as many found boundaries with true transitions as can be paired.

    Each found time, in order, takes the free transition that contains it and ends first, which is the largest matching
    for points and intervals. What is left over within an unclear stretch, widened alike, is neither right nor wrong.
    """
    spans = [_widened(cut.span, tolerance_seconds) for cut in truth]
    free = set(range(len(truth)))
    pairs: list[tuple[float, Cut]] = []
    left: list[float] = []
    for time in sorted(found):
        fits = [index for index in free if _holds(spans[index], time)]
        if fits:
            chosen = min(fits, key=lambda index: spans[index][1])
            free.remove(chosen)
            pairs.append((time, truth[chosen]))
        else:
            left.append(time)
    doubtful = [_widened(span, tolerance_seconds) for span in unclear]
    false = [time for time in left if not any(_holds(span, time) for span in doubtful)]
    return Matching(tuple(pairs), tuple(truth[index] for index in sorted(free)), tuple(false))


def score_cuts(matching: Matching) -> CutScore:
    """Count a matching."""
    kinds: dict[Manner, tuple[int, int]] = {}
    for cut, hit in [*((cut, 1) for _, cut in matching.pairs), *((cut, 0) for cut in matching.missed)]:
        right, of = kinds.get(cut.manner, (0, 0))
        kinds[cut.manner] = (right + hit, of + 1)
    return CutScore(
        len(matching.pairs),
        len(matching.missed),
        len(matching.false),
        kinds,
        tuple(time - cut.time_seconds for time, cut in matching.pairs if cut.manner == "cut"),
    )


def event_recall(times: Sequence[float], events: Sequence[Span]) -> float:
    """Share of the events within which at least one of the sorted ``times`` lies; 1 where there are none."""
    if not events:
        return 1.0
    return fmean(_any_within(times, start, end) for start, end in events)


def _any_within(times: Sequence[float], start: float, end: float) -> bool:
    first = bisect_left(times, start - _EPSILON)
    return first < len(times) and times[first] < end - _EPSILON


@dataclass(frozen=True, slots=True)
class TimeScore:
    """How far the times stated for delivered pictures are from when these pictures really are on screen."""

    delivered: int
    wrong: int
    """Pictures whose stated time is not their own, by more than a millisecond."""
    largest_error_seconds: float


def score_times(stated: Sequence[float], true: Sequence[float]) -> TimeScore:
    """Compare stated with true times, pairwise."""
    errors = [abs(one - other) for one, other in zip(stated, true, strict=True)]
    return TimeScore(len(errors), sum(error > 1e-3 + _EPSILON for error in errors), max(errors, default=0.0))


def _widened(span: Span, by: float) -> Span:
    return span[0] - by, span[1] + by


def _holds(span: Span, time: float) -> bool:
    return span[0] - _EPSILON <= time <= span[1] + _EPSILON
