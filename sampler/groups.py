"""What packets and sync frames say of the pictures between two sync frames, before any of those is decoded.

An encoder that meets a new picture has to send it whole: in the midst of a group a cut makes one packet almost as large
as a sync frame's, a dissolve or a wipe a run of large ones, and where nothing but motion happens packets stay small. An
encoder that looks for cuts begins a group at them, so groups end before their usual length. (Yeo and Liu, "Rapid scene
analysis on compressed video", 1995, read cuts off such sizes alone; here they only say where to look.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler.swells import leaders, loads, runs, steps
from sampler.timetables import LARGE, LONGEST_SECONDS, SETTLING_SECONDS, Timetable

DIFFERENT = 0.8
"""Change of colours and structure from which two sync frames show different pictures: in montages with a sync frame
every two seconds all cuts and transitions had more, and nearly all that only moved less."""
_ALTOGETHER, _EAGER, _LATE = 1.2, 1.5, 0.7
"""The same where packets rise before the next one, as an encoder takes a camera that is swung for a cut as well; and
from which share of the length it was told, when it would begin a group anyway and needs little reason. A tenth of all
cuts had less than the second."""
_MOVED, _CALM = 0.35, 0.2
"""The same for a cut whose packet stands out, and the least share of a sync frame such a packet has."""
_STANDS_OUT, _BESIDE = 2.5, 8
"""How far such a packet exceeds the fourth largest of so many on either side."""
_WHOLE_PICTURE = 0.9
"""The same where it need not stand out."""
_SWELL, _SWOLLEN_SHARE = 2.5, 0.05
"""Mean of a run of packets, as a multiple of the usual in a group and as a share of a sync frame, from which more than
motion may happen."""
_BEGINNERS = 3
"""In such a group so many of the largest leaders are asked whether they go on with what was before."""
_FLOOR_RUN = 10
_EVEN, _AWAKES, _LIGHT = 2.4, 4.0, 0.45
"""What holds nothing but what leads up to the cut at its end, besides packets of no whole picture: how far the second
smallest packet of a run rises above the usual and, where a picture stands at first, above the lower quarter, and the
largest mean of a run as a share of a sync frame. A dissolve raises every packet, motion some."""
_LONGEST_TRUSTED_SECONDS, _BRIEF_SECONDS = 8.0, 4.0
"""The longer a group, the more may happen in it that its ends do not show: having come to look like its end, it may not
stay so. Up to the first where ends look alike, up to the second where they do not."""
_LOUD = 0.6
"""Share of the largest packet from which another may be a transition as well."""
FLASH_SECONDS = 0.6
"""Pictures that begin anew sooner than this were interrupted by a flash, or by something close to the lens."""
_QUIET, _QUIET_BESIDE = 0.3, 8
"""Share of the largest packet up to which others, and so many beside them, are of pictures in which nothing happens."""
_NEIGHBOURS = 4
"""Leaders on either side that a shot's first one stands out from."""
_CANDIDATE = 0.1
"""Share of a sync frame from which a packet may begin a shot."""
_STEP, _STEADY_SECONDS, _AROUND_SECONDS = 0.2, 1.0, 0.45
"""From which logarithm of their ratio leaders of one level follow upon leaders of another, for how long they must keep
to either, and how far from the step that one shot gives way to another may be."""
_FEWEST_STEADY, _MOST_STEADY = 3, 12
"""So many leaders on either side are held against one another, at least and at most."""
_WAKING_SECONDS, _WAKES = 0.5, 1.5
"""How long before the end of a group leaders may have grown, to how many times what they had in the time before."""
_MOST_ASKED = 9
"""Leaders about a step that are asked; where every picture is one, not every one need be."""
_FEW_GROUPS = 24
"""Of more, the last one is always looked at: it costs little, and no sync frame shows who has come."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A shot that begins in the midst of a group."""

    packet: int
    """The first that is stored of it, counted from the sync frame's as 0."""
    pts: int
    """Of the first picture that is shown of it."""
    seconds: float
    """The same on the player's clock."""
    sure: bool = True
    """Whether it can be nothing else, such as the end of a flash or the midst of a dissolve."""
    stirs_until: int | None = None
    """Timestamp up to which more than motion may happen in the shot before it; None where there is nothing else."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about the pictures between two sync frames."""

    decode: bool
    loud_until: int | None = None
    """Timestamp from which pictures that look like the next sync frame's will stay so; None for the whole group."""
    thinly: bool = False
    """Whether all pictures that nothing refers to may be left out: no shot begins in the group, and nothing flashes."""
    calm: bool = False
    """Whether there is nothing to decode if nothing but motion happens in the group."""
    cut: bool = False
    """Whether the next sync frame then begins a shot."""
    candidates: tuple[int, ...] = ()
    """Packets, counted from the sync frame's as 0, that may begin a shot each, the likeliest first."""
    beginners: tuple[int, ...] = ()
    """Packets one of which would begin something if anything did: where all go on, there is nothing to decode."""


def judge(table: Timetable, group: int, change: float, *, plain: bool, turned: bool = False) -> Verdict:
    """What to do about a group that is followed by another.

    Args:
        change: Of colours and structure between its sync frame and the next one.
        turned: Whether they are pages with something else written on them, whatever that changes.
        plain: Whether either is one black, white or even surface, as a flash or a fade is.
    """
    sizes = table.sizes(group)
    seconds = float((table.sync_pts[group + 1] - table.sync_pts[group]) * table.time_base)
    if len(sizes) == 1 or seconds > LONGEST_SECONDS:
        return Verdict(decode=True)
    whole = float(min(sizes[0], table.sizes(group + 1)[0]))
    others = sizes[1:].astype(np.float64)
    shown = others[np.argsort(table.pts(group)[1:])]
    largest, run = float(others.max()) / whole, loads(others)
    heaviest = float(run.max()) / whole
    if change >= DIFFERENT or turned:
        cut = bool(table.irregular[group]) and (turned or change >= _enough(table, group))
        cut = cut and not (plain or _flashes(table, group + 1))
        until = _loud_until(table, group, brief=seconds <= _BRIEF_SECONDS and not cut)
        if plain or cut or turned:
            return Verdict(decode=True, loud_until=until, calm=cut, cut=cut)
        return Verdict(decode=True, loud_until=until, candidates=_candidates(table, group, whole))
    suspicious = largest >= _WHOLE_PICTURE
    if largest >= LARGE or change >= _MOVED:
        suspicious |= largest > _CALM and _stands_out(others)
    swells = heaviest >= _SWOLLEN_SHARE and max(_rise(run), _rise(_floors(shown))) >= _SWELL
    unusual_until = table.unusual.get(group)
    if suspicious or (swells and unusual_until is None):
        # What ended for a cut and looks like what follows the cut has something else in between.
        certain = suspicious or not table.regular[group]
        brief = seconds <= _LONGEST_TRUSTED_SECONDS
        until = None if table.irregular[group] else _loud_until(table, group, brief=brief)
        beginners = () if certain else largest_leaders(table, group)[:_BEGINNERS]
        return Verdict(decode=True, loud_until=until, thinly=largest < LARGE, beginners=beginners)
    if table.irregular[group]:
        return Verdict(decode=True, thinly=largest < LARGE, calm=unusual_until is None)
    return Verdict(decode=unusual_until is not None, loud_until=unusual_until, thinly=True)


def _enough(table: Timetable, group: int) -> float:
    """The change from which a group that ended early ended for a cut."""
    length = len(table.sizes(group))
    if table.longest and length >= _LATE * table.longest:
        return _EAGER
    return DIFFERENT if even(table, group, 0, 0, length) else _ALTOGETHER


def _flashes(table: Timetable, group: int) -> bool:
    """Whether another picture as large follows a group's sync frame so soon that what it shows may be a flash."""
    sizes, pts = table.sizes(group), table.pts(group)
    soon = pts[1:] - pts[0] < int(FLASH_SECONDS / table.time_base)
    return bool((sizes[1:][soon] >= _WHOLE_PICTURE * sizes[0]).any())


def judge_last(table: Timetable, group: int, *, plain: bool) -> Verdict:
    """What to do about the group that the window ends with, of which nothing is known but its packets.

    ``plain`` as for ``judge``, of its sync frame.
    """
    sizes = table.sizes(group)
    if plain or group in table.unusual:
        return Verdict(decode=True)
    if sizes[1:].max(initial=0) < LARGE * sizes[0]:
        return Verdict(decode=True, calm=len(table) <= _FEW_GROUPS)
    return Verdict(decode=True, candidates=_candidates(table, group, float(sizes[0])))


def _candidates(table: Timetable, group: int, whole: float) -> tuple[int, ...]:
    """Packets that may begin a shot, beside sync frames of that size."""
    sizes = table.sizes(group)
    return tuple(
        packet for packet in outstanding_leaders(table, group) if sizes[packet] >= _CANDIDATE * whole
    )


def quiet(table: Timetable, group: int) -> NDArray[np.bool_]:
    """Which packets of a group, its sync frame's included, belong to pictures among which nothing happens.

    Of those, pictures that nothing refers to may be left out.
    """
    sizes = table.sizes(group)
    return beyond(table, group, np.flatnonzero(sizes > _QUIET * sizes[1:].max(initial=0)))


def beyond(table: Timetable, group: int, packets: Sequence[int] | NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which packets of a group are not these, nor beside them."""
    loud = np.zeros(len(table.sizes(group)), np.bool_)
    loud[packets] = True
    return np.asarray(np.convolve(loud, np.ones(2 * _QUIET_BESIDE + 1), "same")[: len(loud)] == 0)


def largest_leaders(table: Timetable, group: int) -> tuple[int, ...]:
    """The packets that may be pictures of their own, the largest first: a shot begins with a leader."""
    sizes, found = table.sizes(group), leaders(table.pts(group))
    return tuple(found[np.argsort(-sizes[found], kind="stable")].tolist())


def outstanding_leaders(table: Timetable, group: int) -> tuple[int, ...]:
    """The leaders that may begin a shot, the likeliest first: large ones that rise above those after or before them.

    After a shot in which much moves, the first picture of a calm one is smaller than many, but not than its neighbours.
    """
    found = leaders(table.pts(group))
    sizes = table.sizes(group)[found].astype(np.float64)
    if not len(sizes):
        return ()
    ordered = np.sort(runs(np.pad(sizes, _NEIGHBOURS, mode="symmetric"), _NEIGHBOURS), axis=1)
    usual = (ordered[:, (_NEIGHBOURS - 1) // 2] + ordered[:, _NEIGHBOURS // 2]) / 2
    beside = np.minimum(usual[: len(sizes)], usual[_NEIGHBOURS + 1 :])
    return tuple(found[np.argsort(-(sizes**2) / np.maximum(beside, 1.0), kind="stable")].tolist())


def leaders_beside(table: Timetable, group: int, packet: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The last leader before a packet and the first one after it, an array of one each, or of none."""
    found = leaders(table.pts(group))
    return found[found < packet][-1:], found[found > packet][:1]


def turning(table: Timetable, group: int, begin: int, end: int) -> tuple[int, ...]:
    """Leaders between two packets, about where one level of sizes gives way to another; none where none does.

    Two shots hardly ever take the same number of bytes, whatever leads from one to the other.
    """
    found = leaders(table.pts(group))
    found = found[(found > begin) & (found < end)]
    pts = table.pts(group)[found]
    if len(found) < 2 * _FEWEST_STEADY + 1:
        return ()
    spacing = float(int(pts[-1] - pts[0]) * table.time_base) / (len(pts) - 1)
    count = min(max(round(_STEADY_SECONDS / spacing), _FEWEST_STEADY), _MOST_STEADY)
    if len(found) < 2 * count + 1:
        return ()
    step = steps(table.sizes(group)[found].astype(np.float64), count)
    if float(step.max()) < _STEP:
        return ()
    at, reach = int(step.argmax()) + count, max(1, round(_AROUND_SECONDS / spacing))
    about = found[max(0, at - reach) : at + reach + 1]
    return tuple(about[:: -(-len(about) // _MOST_ASKED)].tolist())


def wakes(table: Timetable, group: int, begin: int) -> bool:
    """Whether leaders after a packet grow at the end of their group: what begins there may end in the next one."""
    found = leaders(table.pts(group))
    found = found[found > begin]
    seconds = (table.pts(group)[found] - table.pts(group).max()) * float(table.time_base)
    sizes = table.sizes(group)[found].astype(np.float64)
    last = seconds >= -_WAKING_SECONDS
    before = ~last & (seconds >= -_WAKING_SECONDS - _STEADY_SECONDS)
    return bool(last.any() and before.any() and np.median(sizes[last]) >= _WAKES * np.median(sizes[before]))


def even(table: Timetable, group: int, begin: int, after: int, end: int) -> bool:
    """Whether sizes say that nothing but motion happens between the last two packets; the first is a whole picture."""
    pts, sizes = table.pts(group)[after + 1 : end], table.sizes(group).astype(np.float64)
    return _even(sizes[after + 1 : end][np.argsort(pts)], float(sizes[begin]))


def _even(sizes: NDArray[np.float64], whole: float) -> bool:
    """The same of a stretch of packets, as they are shown, after a whole picture."""
    if not len(sizes):
        return True
    floors = _floors(sizes)
    rises = _rise(floors) >= _EVEN or _rise(floors, 0.25) >= _AWAKES
    return float(loads(sizes).max()) < _LIGHT * whole and not rises


def _rise(values: NDArray[np.float64], q: float = 0.5) -> float:
    """The largest as a multiple of the middle one, or of another quantile."""
    ordered, at = np.sort(values), q * (len(values) - 1)
    # As numpy.quantile, which takes twenty times as long where values are so few.
    low, high = ordered[int(at)], ordered[min(int(at) + 1, len(ordered) - 1)]
    return float(ordered[-1] / max(low + (at - int(at)) * (high - low), 1.0))


def _floors(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Second smallest of every run of packets, as they are shown."""
    ordered = np.sort(runs(sizes, _FLOOR_RUN), axis=1)
    return ordered[:, min(1, ordered.shape[1] - 1)]


def _stands_out(sizes: NDArray[np.float64]) -> bool:
    largest = int(sizes.argmax())
    beside = np.sort(sizes[max(0, largest - _BESIDE) : largest + _BESIDE + 1])[::-1]
    return bool(beside[0] >= _STANDS_OUT * beside[min(3, len(beside) - 1)])


def _loud_until(table: Timetable, group: int, *, brief: bool) -> int | None:
    """When pictures may have settled after the last large packet; None where that is about the end of the group.

    Where that need not be ``brief``ly before the end, what comes after must be even as well.
    """
    sizes, pts = table.sizes(group)[1:].astype(np.float64), table.pts(group)[1:]
    whole, settling = float(table.sizes(group)[0]), int(SETTLING_SECONDS / table.time_base)
    until = int(pts[sizes >= _LOUD * sizes.max()].max()) + settling
    shown = np.argsort(pts)
    while until < table.sync_pts[group + 1]:
        rest = sizes[shown[pts[shown] > until]]
        if brief or (_even(rest, whole) and rest.max(initial=0.0) < _CANDIDATE * whole):
            return until
        until += settling
    return None
