"""tour.mp4: cuts, dissolves, camera moves, captions, a fade from and to black."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from films import Event, Film, Shot, Thing, Truth, in_sequence, play, shown
from painting import WIDTH, Canvas, Line, View, look, picture, write_lines


@dataclass(frozen=True, slots=True)
class Sight:
    picture: str
    seconds: float
    begin: View
    finish: View
    description: str
    things: tuple[str, ...] = ()
    """COCO names of what it shows, the main one first."""
    dissolve: float = 0.0
    caption: str | None = None


TOUR = (
    Sight("hubble_deep_field.jpg", 5.0, View(0.3, 0.3, 0.8), View(0.7, 0.7, 0.8),
          "A slow pan across distant galaxies"),
    Sight("rocket.jpg", 4.0, View(0.5, 0.3, 0.7), View(0.5, 1.0, 0.7),
          "The camera tilts down a rocket on its pad at dusk", caption="Falcon 9 waits on the pad"),
    Sight("astronaut.png", 4.6, View(0.5, 0.2, 1.0), View(0.45, 0.2, 0.85),
          "A smiling astronaut in orange, slowly closer",
          things=("person",), dissolve=0.8, caption="Eileen Collins, astronaut"),
    Sight("coffee.png", 4.0, View(0.5, 0.4, 1.0), View(0.48, 0.32, 0.8),
          "A cup of coffee on a wooden table", things=("cup", "spoon", "dining table")),
    Sight("chelsea.png", 4.2, View(0.0, 0.3, 0.92), View(1.0, 0.3, 0.92),
          "A cat looks past the camera, which pans right", things=("cat",), caption="Chelsea the cat"),
    Sight("camera.png", 4.2, View(0.4, 0.3, 0.8), View(0.5, 0.4, 1.0),
          "A man in a dark coat films with a camera on a tripod",
          things=("person",), dissolve=0.6, caption="The man with the camera"),
    Sight("hubble_deep_field.jpg", 4.0, View(0.6, 0.4, 0.7), View(0.6, 0.4, 0.8),
          "Galaxies again, until the picture goes dark"),
)  # fmt: skip
FADE_IN_SECONDS, FADE_OUT_SECONDS = 1.0, 1.0
CAPTION_DELAY_SECONDS, CAPTION_SECONDS, CAPTION_FADE_SECONDS = 0.8, 2.4, 0.24


def tour() -> Film:
    shots = in_sequence((sight.seconds, sight.dissolve) for sight in TOUR)
    duration = shots[-1].end
    lines = tour_lines(shots)

    def sight_at(index: int, seconds: float) -> Canvas:
        sight, shot = TOUR[index], shots[index]
        progress = (seconds - shot.start) / (shot.end - shot.start)
        return look(picture(sight.picture), sight.begin.towards(sight.finish, progress))

    def draw(seconds: float) -> Canvas:
        canvas = write_lines(play(shots, sight_at, seconds), lines, seconds)
        light = min(seconds / FADE_IN_SECONDS, (duration - seconds) / FADE_OUT_SECONDS, 1.0)
        return canvas * np.float32(light)

    events = [
        Event("fade in", "The picture comes up from black", 0.0, FADE_IN_SECONDS),
        *(
            Event(sight.things[0] if sight.things else "view", sight.description, shot.start, shot.end)
            for sight, shot in zip(TOUR, shots, strict=True)
        ),
        Event("fade out", "The picture goes to black", duration - FADE_OUT_SECONDS, duration),
    ]
    cuts = [shot.cut() for shot in shots[1:]]
    texts = [shown(line) for line in lines]
    return Film(draw, Truth("tour.mp4", duration, "moving", cuts, texts, tour_things(shots), events))


def tour_lines(shots: Sequence[Shot]) -> list[Line]:
    fade, middle = CAPTION_FADE_SECONDS, WIDTH / 2
    title = Line("A SMALL TOUR", middle, 126, 58, (1.2, 4.2), bold=True, centred=True, fade_seconds=fade)
    words = "of pictures that belong to everyone"
    subtitle = Line(words, middle, 208, 26, (1.6, 4.2), centred=True, plate=True, fade_seconds=fade)
    captions: list[Line] = []
    for sight, shot in zip(TOUR, shots, strict=True):
        if sight.caption:
            start = shot.start + CAPTION_DELAY_SECONDS
            span = (start, start + CAPTION_SECONDS)
            captions.append(Line(sight.caption, 44, 298, 28, span, plate=True, fade_seconds=fade))
    span = (shots[-1].start + 0.8, shots[-1].end - 1.2)
    end = Line("THE END", middle, 146, 58, span, bold=True, centred=True, fade_seconds=fade)
    return [title, subtitle, *captions, end]


def tour_things(shots: Sequence[Shot]) -> list[Thing]:
    things: list[Thing] = []
    for sight, shot, following in zip(TOUR, shots, shots[1:], strict=False):
        come, go = shot.cut(), following.cut()
        comes, goes = (come.start_seconds, come.end_seconds), (go.start_seconds, go.end_seconds)
        things += [
            Thing(name, come.time_seconds, go.time_seconds, comes, goes, None) for name in sight.things
        ]
    return things
