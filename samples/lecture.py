"""lecture.mp4: slides whose text builds up, with a table and a picture."""

from dataclasses import dataclass
from functools import cache

import cv2
from films import Event, Film, Table, Truth, in_sequence, play, shown
from painting import FPS, WIDTH, Canvas, Line, Span, View, blank, look, picture, write_lines


@dataclass(frozen=True, slots=True)
class Slide:
    title: str
    seconds: float
    bullets: tuple[str, ...] = ()
    """Shown one by one, `BULLET_SECONDS` apart; at once on a cover or beside a picture."""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    picture: str | None = None
    cover: bool = False
    """Dark, with a large title in the middle."""
    dissolve: float = 0.0


LECTURE = (
    Slide("How video remembers", 5.0, ("A short lecture in five slides",), cover=True),
    Slide(
        "Why video files are small",
        9.0,
        (
            "Neighbouring frames look alike",
            "Now and then, store a whole picture",
            "In between, store only what changed",
        ),
    ),
    Slide(
        "Three kinds of frame",
        7.0,
        columns=("Frame", "Looks at", "Size"),
        rows=(
            ("I frame", "nothing else", "40 kB"),
            ("P frame", "earlier frames", "12 kB"),
            ("B frame", "both sides", "5 kB"),
        ),
    ),
    Slide("A whole picture", 5.0, ("640 x 360 pixels", "stored once"), picture="rocket.jpg", dissolve=0.8),
    Slide("Questions?", 4.0, ("Thank you for listening",), cover=True),
)
BULLET_SECONDS = 2.0
PAPER, INK, ACCENT, RULE = (250, 249, 245), (28, 34, 48), (176, 58, 38), (206, 204, 196)
NIGHT, PALE, GOLD = (24, 38, 66), (196, 208, 230), (214, 150, 60)
COLUMN_X = (64, 200, 470)


def lecture() -> Film:
    shots = in_sequence((slide.seconds, slide.dissolve) for slide in LECTURE)
    lines = [slide_lines(slide, (shot.start, shot.end)) for slide, shot in zip(LECTURE, shots, strict=True)]

    def slide_at(index: int, seconds: float) -> Canvas:
        held = min(max(seconds, shots[index].start), shots[index].end - 1 / FPS)
        return write_lines(slide_ground(LECTURE[index]), lines[index], held)

    def draw(seconds: float) -> Canvas:
        return play(shots, slide_at, seconds)

    cuts = [shot.cut() for shot in shots[1:]]
    texts = [shown(line) for group in lines for line in group]
    events: list[Event] = []
    tables: list[Table] = []
    for slide, shot in zip(LECTURE, shots, strict=True):
        events.append(Event("slide", f'The slide "{slide.title}" is shown', shot.start, shot.end))
        if slide.rows:
            tables.append(Table(slide.title, slide.columns, slide.rows, shot.start, shot.end))
    return Film(draw, Truth("lecture.mp4", shots[-1].end, "static", cuts, texts, (), events, tables))


def slide_lines(slide: Slide, span: Span) -> list[Line]:
    if slide.cover:
        title = Line(slide.title, WIDTH / 2, 120, 50, span, bold=True, centred=True)
        return [title, *(Line(text, WIDTH / 2, 204, 27, span, PALE, centred=True) for text in slide.bullets)]
    lines = [Line(slide.title, 48, 32, 38, span, ACCENT, bold=True)]
    for index, text in enumerate(slide.bullets):
        delay = 0.0 if slide.picture else (index + 0.5) * BULLET_SECONDS
        lines.append(Line(text, 84, 122 + 62 * index, 28, (span[0] + delay, span[1]), INK, bullet=True))
    for row, cells in enumerate((slide.columns, *slide.rows) if slide.rows else ()):
        lines += [
            Line(cell, x, 116 + 54 * row, 27, span, INK, bold=row == 0)
            for x, cell in zip(COLUMN_X, cells, strict=True)
        ]
    return lines


@cache
def slide_ground(slide: Slide) -> Canvas:
    """The slide without its letters."""
    if slide.cover:
        canvas = blank(*NIGHT)
        canvas[254:258, 250:390] = GOLD
        return canvas
    canvas = blank(*PAPER)
    canvas[86:89, 48:592] = ACCENT
    for index in range(len(slide.rows)):
        canvas[157 + 54 * index : 159 + 54 * index, 48:592] = RULE
    if slide.picture:
        photo = cv2.resize(look(picture(slide.picture), View(0.5, 0.6, 1.0)), (384, 216))
        canvas[112:328, 306:592] = photo[:, 49:335]
    return canvas
