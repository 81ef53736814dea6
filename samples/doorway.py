"""doorway.mp4: a fixed camera; paper cut-outs come and go before a painted house."""

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from films import Event, Film, Thing, Truth, shown
from painting import FPS, HEIGHT, WIDTH, Canvas, Line, Mask, blank, over, picture, write_lines


@dataclass(frozen=True, slots=True)
class Sticker:
    """Something cut out of a picture, with a white paper edge."""

    picture: str
    outline: tuple[tuple[int, int], ...]
    """Polygon in the picture's pixels."""
    height: int
    """Height on the screen in pixels."""
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    label: str
    """COCO name."""
    sticker: Sticker
    path: tuple[tuple[float, float, float], ...]
    """(seconds, x, y) of its top left corner in pixels; it exists from the first to the last."""
    description: str
    direction: str | None = None
    in_front: bool = False
    """Whether it stands before the table."""

    def place(self, seconds: float) -> tuple[float, float] | None:
        times, xs, ys = zip(*self.path, strict=True)
        if not times[0] <= seconds < times[-1]:
            return None
        return float(np.interp(seconds, times, xs)), float(np.interp(seconds, times, ys))


# fmt: off
CAT = Sticker("chelsea.png", (
    (40, 0), (397, 0), (388, 30), (372, 62), (354, 85), (364, 115), (358, 155), (345, 190), (322, 220),
    (310, 250), (300, 285), (290, 300), (8, 300), (12, 230), (10, 160), (28, 120), (34, 60)), 190)
CUP = Sticker("coffee.png", (
    (172, 120), (173, 95), (180, 68), (200, 42), (235, 24), (285, 17), (335, 23), (375, 45), (398, 75),
    (406, 105), (402, 135), (396, 165), (385, 200), (365, 240), (335, 270), (300, 283), (270, 282),
    (245, 290), (222, 305), (205, 300), (196, 285), (203, 255), (212, 240), (195, 210), (178, 165)), 160)
ASTRONAUT = Sticker("astronaut.png", (
    (205, 24), (235, 14), (265, 20), (290, 45), (302, 85), (294, 116), (275, 142), (262, 162), (258, 176),
    (282, 194), (304, 236), (336, 264), (354, 296), (366, 344), (402, 341), (440, 349), (476, 374),
    (494, 420), (506, 460), (511, 511), (12, 511), (24, 470), (22, 420), (30, 350), (40, 300), (60, 260),
    (100, 218), (112, 204), (115, 188), (130, 164), (160, 150), (184, 148), (178, 128), (160, 116),
    (152, 90), (155, 60), (172, 42)), 300)

ACTORS = (
    Actor("cat", CAT, ((2.0, -290, 180), (8.0, 660, 180)), "A cat crosses from left to right", "right"),
    Actor("cup", CUP, ((10.0, 44, 168), (18.6, 44, 168)), "A cup of coffee stands on the table",
          in_front=True),
    Actor("person", ASTRONAUT, ((13.0, 660, 66), (16.0, 240, 66), (18.6, 240, 66), (21.6, -330, 66)),
          "An astronaut comes from the right, stops by the table and leaves to the left", "left"),
    Actor("cat", replace(CAT, mirrored=True), ((24.4, 660, 180), (27.4, -290, 180)),
          "The cat runs back from right to left", "left"),
)
# fmt: on
DOORWAY_SECONDS = 30.0
STICKER_MARGIN = 16
"""Pixels around a sticker, for its paper edge and its shadow."""
PAPER_WHITE, SHADOW_OPACITY = 246, 0.4
SIGN = Line("CAFE SATURN", 486, 22, 26, (0.0, DOORWAY_SECONDS), bold=True, centred=True, plate=True)


def doorway() -> Film:
    def draw(seconds: float) -> Canvas:
        canvas = house()
        for actor in sorted(ACTORS, key=lambda actor: actor.in_front):
            if actor.in_front:
                canvas = over(canvas, *table())
            if place := actor.place(seconds):
                canvas = stick(canvas, actor.sticker, place)
        return canvas

    things = [sighting(actor) for actor in ACTORS]
    events = [
        Event(actor.label, actor.description, thing.start_range_seconds[0], thing.end_range_seconds[1])
        for actor, thing in zip(ACTORS, things, strict=True)
    ]
    return Film(draw, Truth("doorway.mp4", DOORWAY_SECONDS, "static", (), [shown(SIGN)], things, events))


@cache
def house() -> Canvas:
    """A brick wall with a door and a sign, grass before it."""
    bricks = cv2.resize(cv2.rotate(picture("brick.png"), cv2.ROTATE_90_CLOCKWISE)[60:348], (WIDTH, HEIGHT))
    canvas = (0.6 * np.asarray(bricks, np.float32) + 80) * np.array((1.0, 0.84, 0.7), np.float32)
    lawn = cv2.resize(picture("grass.png")[:200], (WIDTH, 70), interpolation=cv2.INTER_AREA)
    canvas[290:] = lawn * np.array((0.31, 0.45, 0.2), np.float32) + np.array((22, 40, 14), np.float32)
    canvas[286:292] = (96, 88, 80)
    canvas[92:292, 424:548] = (74, 44, 28)
    glow = np.linspace(0.35, 1.0, 192, dtype=np.float32)[:, None, None]
    canvas[100:292, 432:540] = glow * np.array((150, 104, 58), np.float32)
    return write_lines(canvas, [SIGN], 0.0)


@cache
def table() -> tuple[Canvas, Mask]:
    """A round wooden table in the foreground, at the left."""
    wood = np.asarray(cv2.resize(picture("coffee.png")[250:400, 470:600], (WIDTH, HEIGHT)), np.float32)
    edge, top = np.zeros((HEIGHT, WIDTH), np.float32), np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(edge, ((120, 330), (236, 52), 0), 1.0, -1, cv2.LINE_AA)
    cv2.ellipse(top, ((120, 323), (236, 52), 0), 1.0, -1, cv2.LINE_AA)
    return over(wood * np.float32(0.45), wood, top[:, :, None]), np.maximum(edge, top)[:, :, None]


def sighting(actor: Actor) -> Thing:
    """When it is there, counted frame by frame and without regard to the table before it."""
    shares = visible_shares(actor, DOORWAY_SECONDS)
    most = max(shares.values())
    sliver, half, full = (
        [t for t, share in shares.items() if share >= part * most] for part in (0.01, 0.5, 0.999)
    )
    frame = 1 / FPS
    comes, goes = (sliver[0], full[0]), (full[-1] + frame, sliver[-1] + frame)
    return Thing(actor.label, half[0], half[-1] + frame, comes, goes, actor.direction)


@cache
def cut_out(sticker: Sticker) -> tuple[Canvas, Mask, Mask]:
    """Colours, opacity and shadow of a sticker, in screen size with a margin."""
    source = picture(sticker.picture)
    inside = np.zeros(source.shape[:2], np.float32)
    cv2.fillPoly(inside, [np.array(sticker.outline, np.int32)], 1.0)
    x, y, width, height = cv2.boundingRect(inside.astype(np.uint8))
    size = (round(width * sticker.height / height), sticker.height)
    colours, shape = (
        cv2.resize(layer[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
        for layer in (source, inside)
    )
    margin = ((STICKER_MARGIN, STICKER_MARGIN), (STICKER_MARGIN, STICKER_MARGIN))
    colours = np.pad(np.asarray(colours, np.float32), (*margin, (0, 0)), mode="edge")
    shape = np.pad(np.asarray(shape, np.float32), margin)
    if sticker.mirrored:
        colours, shape = np.ascontiguousarray(colours[:, ::-1]), np.ascontiguousarray(shape[:, ::-1])
    edge = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    paper = np.asarray(cv2.GaussianBlur(cv2.dilate(shape, edge), (0, 0), 1.0), np.float32)
    shadow = np.asarray(cv2.GaussianBlur(np.roll(paper, (5, 5), (0, 1)), (0, 0), 3.0), np.float32)
    on_paper = np.asarray(cv2.GaussianBlur(shape, (0, 0), 1.0), np.float32)[:, :, None]
    printed = over(np.full_like(colours, PAPER_WHITE), np.asarray(colours, np.float32), on_paper)
    return printed, paper[:, :, None], shadow[:, :, None] * np.float32(SHADOW_OPACITY)


def stick(canvas: Canvas, sticker: Sticker, place: tuple[float, float]) -> Canvas:
    """Lays a sticker and its shadow on the canvas, also between pixels, so that motion is smooth."""
    matrix = np.array([[1, 0, place[0] - STICKER_MARGIN], [0, 1, place[1] - STICKER_MARGIN]], np.float32)
    colours, paper, shadow = (
        np.asarray(cv2.warpAffine(layer, matrix, (WIDTH, HEIGHT)), np.float32).reshape(HEIGHT, WIDTH, -1)
        for layer in cut_out(sticker)
    )
    return over(over(canvas, blank(0, 0, 0), shadow), colours, paper)


def visible_shares(actor: Actor, duration_seconds: float) -> dict[float, float]:
    """How much of an actor (0..1 of its paper) lies inside the picture, by the time of each frame."""
    _, paper, _ = cut_out(actor.sticker)
    shares: dict[float, float] = {}
    for seconds in (index / FPS for index in range(round(duration_seconds * FPS))):
        if place := actor.place(seconds):
            left, top = (round(corner) - STICKER_MARGIN for corner in place)
            inside = paper[max(-top, 0) : max(HEIGHT - top, 0), max(-left, 0) : max(WIDTH - left, 0)]
            shares[seconds] = float(inside.sum() / paper.sum())
    return shares
