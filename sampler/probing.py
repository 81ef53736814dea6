"""What single packets of a group tell of it, decoded with none of what leads up to them.

See ``sampler.origins`` for what is told and why.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, pairwise, takewhile
from threading import Event

import numpy as np

from sampler.comparing import Looks, change, detail, looks, other_page, same_detail
from sampler.frames import Group, Origin
from sampler.groups import (
    DIFFERENT,
    FLASH_SECONDS,
    Opening,
    even,
    largest_leaders,
    leaders_beside,
    outstanding_leaders,
    turning,
    wakes,
)
from sampler.measuring import Strip, alone, joined
from sampler.origins import CONTINUES, CONTINUES_IN_MOTION, ITSELF, begins, first_of_shot, parts
from sampler.swells import leaders
from sampler.timetables import LARGE, Timetable

_FEWEST_OTHERS, _MOST_OTHERS = (2, 3), (3, 8)
"""Packets that begin no shot, after which less likely ones are not asked: where the shots that were found lead to what
the next sync frame shows, and where they do not; in short groups and in long ones."""
_WORTH = 12
"""Packets that are decoded at the cost of asking about one and the chance that it says something."""
_BRIEF, _SMALL = 5, 0.5
"""In groups worth so few questions: share of a sync frame from which packets are asked though all is explained."""
_LEADS_ON, _ALTERED = 0.4, 2.0
"""Correlation of detail from which the last shot of a group is what the next sync frame shows, whatever became of
colours and structure; with less, those must not differ altogether: slides of one layout share their detail."""
_ARRIVES = 0.5
"""The same of a shot followed to its end: within 48 shots it was 0.76 and more, where a cut followed 0.37 and less."""
_BACK = 0.5
"""Correlation of detail from which a shot only comes back to what was shown before a flash."""
_ASKED, _GOES_ON = 5, 0.45
"""So many of the largest leaders of a stretch are asked where its packets rise; if so much of each comes from earlier
pictures, they rise for motion. Of 107 dissolves 104 had one with less, of 147 stretches of motion half had none."""
_HARDLY, _BESIDE = 0.35, 0.5
"""One of them may go on by less, if it has its share of every band and those beside it go on well: it takes several in
a row to dissolve one shot into another."""
_MOVES = 0.25
"""The same of all where packets do not rise."""
_DOUBTS = 3
"""Times that the rest of a shot is looked at by itself when something else than motion happened before it."""
_MOST_NEW = 0.6
"""Share of packets new in good part above which much moves all the time."""
_SPEAKS = 0.2
"""Share of a packet that begins something, from which the next one may as well."""
_BAND = 0.15
"""The same of every band, where packets rise: a wipe uncovers one from edge to edge."""
_EVEN_BAND, _OF_WHOLE = 0.1, 0.2
"""Where they do not, where a group may end in a cut and elsewhere: elsewhere as a share of what goes on in all."""
_BEFORE, _BEFORE_BAND, _AFTER = 0.25, 0.1, 0.6
"""Shares of which the first do for the picture before a cut if the last is that of the one after: much moved before."""
_PARTED = 0.22
"""Share by which the leader after a cut must go on where pictures beside the cut say that it is one: 0.24 and more."""
_DIP = 0.65
"""Share of the most any packet about a step goes on in each band, below which another uncovers one: something wipes, or
pushes, one level of activity away for another."""


class Probe:
    """Of a group and those of its packets that were asked about."""

    def __init__(self, table: Timetable, number: int, group: Group, stopped: Event | None = None) -> None:
        """``stopped`` is set when nobody wants to know more."""
        self._table = table
        self._number = number
        self._group = group
        self._stopped = stopped or Event()
        self._told: dict[int, tuple[float, float] | None] = {}
        """Of every packet that was asked about, how much comes from earlier pictures, in all and of the least band."""

    @cached_property
    def _largest(self) -> tuple[int, ...]:
        return largest_leaders(self._table, self._number)

    @cached_property
    def _outstanding(self) -> tuple[int, ...]:
        return outstanding_leaders(self._table, self._number)

    def go_on(
        self, packets: Iterable[int], least: float, least_band: float = 0.0, *, untold: bool = False
    ) -> bool:
        """Whether so much of each of these packets comes from earlier pictures; ``untold`` where nothing is told."""
        told = map(self._shares, packets)
        return all(
            untold if shares is None else shares[0] >= least and shares[1] >= least_band for shares in told
        )

    def begin(self, packets: Iterable[int]) -> bool:
        """Whether any of these packets may owe nothing to earlier pictures."""
        return any(shares is None or shares[0] <= ITSELF for shares in map(self._shares, packets))

    def tells(self) -> bool:
        """Whether packets that were asked about say where pictures change: none begins a shot, and most go on."""
        if not self._told or self.begin(list(self._told)):
            return False
        return len(self._new_in_part()) <= max(1, _MOST_NEW * len(self._told))

    def new(self) -> list[int]:
        """The packets that were asked about and are new in good part, and all that are as large as a picture."""
        sizes = self._table.sizes(self._number)
        large = {packet for packet in self._largest if sizes[packet] >= LARGE * sizes[0]}
        return sorted(large | self._new_in_part())

    def calm(self, begin: int, end: int, *, strictly: bool = False) -> bool:
        """Whether nothing but motion happens between two packets, the first of which is a whole picture.

        ``strictly`` where nothing else would tell of a mistake.
        """
        return next(self._stirring(begin, begin, end, strictly=strictly), None) is None

    def stirs_until(self, begin: int, end: int) -> int | None:
        """Timestamp after which nothing but motion happens between the same; None where there is nothing else."""
        after, pts = begin, self._table.pts(self._number)
        for _ in range(_DOUBTS):
            stirring = max(self._stirring(begin, after, end, strictly=after > begin), default=None)
            if stirring is None:
                return None if after == begin else int(pts[after])
            after = stirring
        return int(pts[end])

    def calm_after(self, pts: int) -> bool:
        """Whether nothing but motion happens after a timestamp from which on packets are even."""
        stamps = self._table.pts(self._number)
        asked = [packet for packet in self._largest if stamps[packet] > pts]
        return self.go_on(asked[:1], CONTINUES_IN_MOTION, _EVEN_BAND, untold=True)

    def _stirring(self, begin: int, after: int, end: int, *, strictly: bool = False) -> Iterator[int]:
        """Packets between two, and after another, that tell of more than motion; ``begin`` is a whole picture.

        Lazy: each costs a question.
        """
        new = self._new_between(begin, after, end, strictly=strictly)
        return _or_else(new, self._turning(after, end))

    def _new_between(self, begin: int, after: int, end: int, *, strictly: bool) -> Iterator[int]:
        """Of the largest packets those that do not go on with what was before, as far as sizes leave that open."""
        known = [packet for packet in self._told if after < packet < end]
        largest, outstanding = (
            [packet for packet in order if after < packet < end]
            for order in (self._largest, self._outstanding)
        )
        moves = CONTINUES_IN_MOTION if strictly else _MOVES
        if not self.go_on(known, moves, untold=True):
            yield from (packet for packet in known if not self.go_on([packet], moves, untold=True))
            return
        sizes = self._table.sizes(self._number)
        if not even(self._table, self._number, begin, after, end):
            asked = {*largest[:_ASKED], *outstanding[:1]}
            yield from self._new_where_packets_rise(asked, strictly=strictly)
            return
        # Where nothing is told of packets, sizes have to do.
        small = all(sizes[packet] < LARGE * sizes[begin] for packet in largest[:1])
        asked = {*largest[:1], *outstanding[:1]}
        if end - after > _BRIEF * _WORTH and not self.go_on(asked, _GOES_ON, untold=True):
            asked.update(largest[:_ASKED])
        for packet in asked:
            if not self.go_on([packet], moves, self._least_band(packet, strictly=strictly), untold=small):
                yield packet

    def _new_where_packets_rise(self, packets: Collection[int], *, strictly: bool) -> Iterator[int]:
        least = _GOES_ON if strictly else _HARDLY
        new = (packet for packet in packets if not self.go_on([packet], least, _BAND))
        return new if strictly else _or_else(new, self._several(packets))

    def _several(self, packets: Iterable[int]) -> Iterator[int]:
        """Those of these packets that hardly go on with what was before, unless it is one with others beside it."""
        hardly = [packet for packet in packets if not self.go_on([packet], CONTINUES)]
        beside = (leaders_beside(self._table, self._number, packet) for packet in hardly)
        if len(hardly) > 1 or not all(self.go_on(side, _BESIDE, _BAND) for pair in beside for side in pair):
            yield from hardly

    def _least_band(self, packet: int, *, strictly: bool) -> float:
        """How much of every band must go on where packets do not rise."""
        shares = self._shares(packet)
        return _EVEN_BAND if strictly or shares is None else _OF_WHOLE * shares[0]

    def _turning(self, begin: int, end: int) -> Iterator[int]:
        """Packets where one level of sizes gives way to another, if pictures uncover a band from edge to edge there."""
        about = turning(self._table, self._number, begin, end)
        bands = [shares[1] for shares in map(self._shares, about) if shares is not None]
        if bands and min(bands) < _DIP * max(bands):
            yield from about

    def openings(self, candidates: Iterable[int], before: Looks, following: Looks | None) -> list[Opening]:
        """The shots that may begin with some of these packets, in order; none if the last does not lead on.

        What follows the last one shows throughout what the next sync frame shows, so no other has to be looked for.

        Args:
            candidates: The likeliest first.
            before: The group's sync frame.
            following: The next one; None at the end.
        """
        found = self._first_of_shots(candidates, following)
        while found:
            openings = self._opened(found, before, following)
            # What was asked to tell whether anything happens within a shot may be the first of another.
            overlooked = self._begin_apart_from(found)
            if not overlooked:
                return openings
            found.update(overlooked)
        return []

    def _first_of_shots(self, candidates: Iterable[int], following: Looks | None) -> dict[int, Looks]:
        """Of these packets, the likeliest first, those that begin a shot, as far as asking is worth its cost."""
        found: dict[int, Looks] = {}
        worth = len(self._table.sizes(self._number)) // _WORTH
        fewest, most = int(np.clip(worth // 2, *_FEWEST_OTHERS)), int(np.clip(worth, *_MOST_OTHERS))
        sizes, others, leads_on = self._table.sizes(self._number), 0, False
        for packet in candidates:
            if worth <= _BRIEF and sizes[packet] < _SMALL * sizes[0] and leads_on:
                break
            origin = self._origin(packet)
            if origin is not None and begins(origin):
                found[packet] = looks(origin.frame)
                leads_on = self._lead_on(found[max(found)], following)
                continue
            others += 1
            if others >= most or (others >= fewest and leads_on):
                break
        return found

    def _begin_apart_from(self, found: Mapping[int, Looks]) -> dict[int, Looks]:
        """Packets that were asked about and begin a shot that is not among these, nor a flash at the edge of one."""
        pts, apart = self._table.pts(self._number), int(FLASH_SECONDS / self._table.time_base)
        begun = [
            packet for packet, shares in self._told.items() if shares is not None and shares[0] <= ITSELF
        ]
        origins = (
            (packet, self._origin(packet))
            for packet in begun
            if all(abs(pts[packet] - pts[other]) >= apart for other in found)
        )
        return {packet: looks(origin.frame) for packet, origin in origins if origin is not None}

    def _opened(self, found: Mapping[int, Looks], before: Looks, following: Looks | None) -> list[Opening]:
        """The shots that begin with these packets; none if the last does not lead on."""
        order = sorted(found)
        last = found[order[-1]]
        if following is not None and other_page(last.strip.luma[0], following.strip.luma[0]):
            return []
        if not (self._lead_on(last, following) or self._arrives(order[-1], following)):
            return []
        openings = []
        shown = pairwise([before, *(found[packet] for packet in order)])
        for packet, (former, own) in zip(order, shown, strict=True):
            back = any(same_detail(own.detail, other.detail, _BACK) for other in (before, former))
            flashed = not back and following is None and self.begin(self._leaders_just_before(packet))
            openings.append(self._opening(packet, own, sure=not back and not flashed))
        for one, other in pairwise(openings):
            if other.seconds - one.seconds < FLASH_SECONDS:
                return [replace(opening, sure=False) for opening in openings]
        return [
            replace(opening, stirs_until=self.stirs_until(begin, opening.packet)) if opening.sure else opening
            for begin, opening in zip([0, *order], openings, strict=False)
        ]

    def _leaders_just_before(self, packet: int) -> list[int]:
        """Those within the time that a flash may take."""
        pts = self._table.pts(self._number)
        found = leaders(pts)
        soon = (found < packet) & (pts[found] > pts[packet] - int(FLASH_SECONDS / self._table.time_base))
        return [int(leader) for leader in found[soon]]

    def settled(self, opening: Opening) -> int:
        """From which timestamp on pictures go on with one another after what may be a shot's first, or a dissolve."""
        pts = self._table.pts(self._number)
        for packet in leaders(pts):
            if packet > opening.packet and self.go_on([int(packet)], _GOES_ON):
                return int(pts[packet])
        return int(pts.max())

    def glimpses(self, openings: Sequence[Opening]) -> list[Strip]:
        """The first stored picture of each of these shots, wrong where it comes from pictures not decoded."""
        frames = self._group.glimpses([opening.packet for opening in openings])
        return [alone(frame) for frame in frames]

    @staticmethod
    def _lead_on(seen: Looks, following: Looks | None) -> bool:
        """Whether the shot that begins with this picture goes on to the next sync frame."""
        if following is None:
            return False
        if same_detail(seen.detail, following.detail, _LEADS_ON):
            return True
        changed = change(seen.strip, following.strip)
        return changed < DIFFERENT or (changed < _ALTERED and same_detail(seen.detail, following.detail))

    def _arrives(self, packet: int, following: Looks | None) -> bool:
        """Whether nothing but motion leads from the first picture of a shot to the next sync frame, or to the end."""
        end = len(self._table.sizes(self._number))
        if wakes(self._table, self._number, packet) or not self.calm(packet, end):
            return False
        later = leaders(self._table.pts(self._number))
        frames = self._group.glimpses([packet, *later[later > packet].tolist()])
        wanted = takewhile(lambda _: not self._stopped.is_set(), frames)
        seen = [*map(detail, wanted), *([] if following is None else [following.detail])]
        return len(seen) > 1 and all(same_detail(one, other, _ARRIVES) for one, other in pairwise(seen))

    def _new_in_part(self) -> set[int]:
        return {packet for packet in self._told if not self.go_on([packet], _GOES_ON)}

    def _shares(self, packet: int) -> tuple[float, float] | None:
        if packet not in self._told:
            self._origin(packet)
        return self._told[packet]

    def _origin(self, packet: int) -> Origin | None:
        origin = self._group.origin(packet)
        self._told[packet] = None if origin is None else (origin.earlier, origin.band)
        return origin

    def _opening(self, packet: int, own: Looks, *, sure: bool) -> Opening:
        """The shot that begins with a packet which looks like this."""
        sizes = self._table.sizes(self._number)
        between = self._group.origins_between(packet)
        seen = joined([*(alone(origin.frame) for origin in between.pictures), own.strip])
        first = first_of_shot(between, seen.luma)
        before, after = leaders_beside(self._table, self._number, packet)
        speaks = [other for other in after if sizes[other] >= _SPEAKS * sizes[packet]]
        parted = first is not None and parts(between, first)
        sure = (
            sure
            and first is not None
            and (
                (parted and not self.begin(before))
                or self.go_on(before, CONTINUES)
                or self._all_new(before.tolist(), after.tolist())
            )
            and self.go_on(speaks, _PARTED if parted else CONTINUES_IN_MOTION)
        )
        at = -1 if first is None else first
        return Opening(packet, int(seen.pts[at]), float(seen.times[at]), sure)

    def _all_new(self, before: Collection[int], after: Collection[int]) -> bool:
        """Whether much moves in the picture before a cut, and the one after goes on with what is new."""
        return bool(after) and self.go_on(before, _BEFORE, _BEFORE_BAND) and self.go_on(after, _AFTER)


def _or_else(found: Iterator[int], others: Iterator[int]) -> Iterator[int]:
    """The ones, or where there are none the others; asks for neither before it must."""
    first = next(found, None)
    yield from others if first is None else chain([first], found)
