"""The exact pass over a video whose groups of pictures are known: all of them are decoded, several at a time."""

from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sampler.frames import Frame, Group, PacketReader, Reader
from sampler.groupwise import Course, Seen, Task, Unfit, counted
from sampler.measuring import strips
from sampler.scanning import Scan
from sampler.types import SampleRequest, Scanned


def survey(reader: Reader, request: SampleRequest) -> Generator[Scanned, None, Scan | Unfit]:
    """Look at every frame of the request's window; yields progress, returns what was found.

    Memory: 64 bytes a frame, thumbnails of the last seconds, and for every group under way its packets and a decoder.

    Raises:
        SampleRequestError: no frame lies in the window.
    """
    if not isinstance(reader, PacketReader) or reader.parallel == 1:
        return Unfit("its decoder serves one thread")
    course = yield from counted(reader, request)
    if isinstance(course, Unfit):
        return course
    return (yield from course.run(partial(_tasks, course), whole=True))


def _tasks(course: Course, groups: Iterator[tuple[int, Group]]) -> Iterator[Task]:
    pts = np.sort(course.table.packets.pts)
    if pts[0] < course.table.sync_pts[0]:
        return  # pictures before the first sync frame: whether they decode only a straight run tells
    bounds = np.searchsorted(pts, course.table.sync_pts)
    for number, group in groups:
        expected = pts[bounds[number] : bounds[number + 1] if number + 1 < len(bounds) else len(pts)]
        yield partial(_whole, course, group, expected)


def _whole(course: Course, group: Group, expected: NDArray[np.int64]) -> Seen | Unfit:
    """All pictures of a group, if they are those that its packets promise."""
    stamps: list[tuple[int, float]] = []

    def noted(frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            stamps.append((frame.pts, frame.time_seconds))
            yield frame
            del frame

    with closing(group.frames([])) as frames:
        every = list(strips(course.within(noted(frames))))
    pts = np.array([stamp for stamp, _ in stamps if group.end_pts is None or stamp < group.end_pts], np.int64)
    broken_off = course.stopped.is_set() or (bool(stamps) and stamps[-1][1] >= course.end)
    if not np.array_equal(pts, expected[: len(pts)] if broken_off else expected):
        return Unfit("not all of its packets decode to a picture")
    if stamps and not course.on_time(*stamps[0]):
        return Unfit("its first picture is not its first sync frame")
    return Seen([every])
