"""Trying out a model and its server: a drawn film with known events is shown, and what comes back is measured."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from time import perf_counter

from pydantic import BaseModel

from analyzer.asking import ask_checked
from analyzer.conversation import ModelProfile, Question, Reply
from analyzer.errors import AnalyzerError, ModelUnavailableError
from analyzer.films import SIDES, Film, draw_film
from analyzer.models.openai import OpenAIModel, find_profile
from analyzer.parsing import Frame, GridBox, Line, read, strict_schema
from analyzer.prompting import load
from analyzer.spending import Ledger
from analyzer.types import Box

_COUNT = "How many pictures are shown? Answer with the number alone."
_ANNOUNCED = 14
"""Tokens of the line before a picture and the marks around it; a picture that is seen takes more."""
_STALLED = 0.5
"""Of the tokens each picture took so far, the share below which further ones are held to be dropped."""
_SAME_SIZE = 0.05
"""A small picture that takes as many tokens as a large one, within this share, is scaled to one size."""
_LATE_SECONDS = 1.0
_BOX_OFF = 0.1
_FORMS = {
    "json_schema": "answers are held to their JSON Schema by the server",
    "json_object": "JSON is promised by the server, its schema only asked for in words (no json_schema)",
    "prompt": "the server promises no form; JSON is asked for in words (no response_format)",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried, and how it went, in a line."""

    well: bool
    said: str


@dataclass(frozen=True, slots=True)
class Count:
    """What a server counted of one question."""

    pictures: int
    tokens: int
    """Of its input; 0 where the server does not say."""
    seconds: float


class _Seen(BaseModel):
    frame: Frame
    number: int


class _Shape(BaseModel):
    colour: Line
    first_frame: Frame
    last_frame: Frame
    box: GridBox


class _Look(BaseModel):
    pictures: list[_Seen]
    shapes: list[_Shape]


async def probe(model: OpenAIModel) -> AsyncGenerator[Finding | ModelProfile]:
    """Yield what is found out, one thing after another, and last a corrected profile if there is an answer.

    Takes about ten small requests. Raises nothing of its own: what fails is a finding.
    """
    ledger, film = Ledger(), draw_film()
    model.forget_dialect()
    try:
        first = await _count(model, film, 1, ledger)
    except AnalyzerError as error:
        if model.reached:
            yield Finding(well=True, said=f"reachable: {model.info.base_url}")
        refused = isinstance(error, ModelUnavailableError) and model.reached
        said = "authorised" if refused else "answers" if model.reached else "reachable"
        yield Finding(well=False, said=f"{said}: {error}")
        return
    yield Finding(well=True, said=f"reachable: {model.info.base_url}")
    yield Finding(well=True, said=f"authorised: {model.info.name} answers, in {first.seconds:.2f} s")
    counts, trouble = await _count_up(model, film, first, ledger)
    each = tokens_each(counts)
    for finding in _on_counts(counts, each, trouble, model.profile):
        yield finding
    most = counts[-1].pictures
    shown = film.first(min(len(film.keyframes), most))
    began = perf_counter()
    try:
        field, look = await _look(model, shown, ledger)
    except AnalyzerError as error:
        yield Finding(well=False, said=f"answers: {error}")
    else:
        yield Finding(well=True, said=f"form: {_FORMS[model.dialect.schema]}")
        yield Finding(well=True, said=f"the answer stands in the field {field}")
        for finding in _on_sight(shown, look):
            yield finding
    seconds = median(count.seconds for count in counts)
    yield Finding(
        well=True,
        said=f"latency: {seconds:.2f} s a short answer, {perf_counter() - began:.2f} s one on "
        f"{len(shown.keyframes)} pictures",
    )
    yield await _corrected(model, most, each, ledger)


async def _count(
    model: OpenAIModel, film: Film, pictures: int, ledger: Ledger, *, size: tuple[int, int] = SIDES
) -> Count:
    began = perf_counter()
    shown = film.looped(pictures) if size == SIDES else draw_film(size).looped(pictures)
    question = Question(f"probe.n{pictures}", "Answer briefly.", _COUNT, shown, max_output_tokens=16)
    reply = await model.ask(question, ledger)
    return Count(pictures, reply.usage.input_tokens, perf_counter() - began)


async def _count_up(
    model: OpenAIModel, film: Film, first: Count, ledger: Ledger
) -> tuple[list[Count], str | None]:
    """Ask about twice as many pictures again and again; up to the profile's limit, or why not further.

    What an earlier trial has lowered may be higher by now, so the limit of the profile we came with counts too.
    """
    counts = [first]
    limit = max(model.profile.max_images, find_profile(model.info.name).max_images)
    while (size := min(2 * counts[-1].pictures, limit)) > counts[-1].pictures:
        try:
            counts.append(await _count(model, film, size, ledger))
        except AnalyzerError as error:
            return counts, str(error)
        if is_stalled(counts):
            return counts[:-1], f"of {size} pictures the server drops some without a word"
    return counts, None


def tokens_each(counts: Sequence[Count]) -> float | None:
    """Tokens that each picture added; None where that cannot be told."""
    if len(counts) < 2 or not counts[0].tokens:
        return None
    return (counts[-1].tokens - counts[0].tokens) / (counts[-1].pictures - counts[0].pictures)


def is_stalled(counts: Sequence[Count]) -> bool:
    """Whether the last pictures added markedly fewer tokens each than those before."""
    before, added = tokens_each(counts[:-1]), tokens_each(counts[-2:])
    return before is not None and added is not None and before > _ANNOUNCED and added < before * _STALLED


def _on_counts(
    counts: Sequence[Count], each: float | None, trouble: str | None, profile: ModelProfile
) -> list[Finding]:
    width, height = SIDES
    if each is None:
        counted = Finding(well=False, said="pictures counted: cannot be told, the server reports no tokens")
        if trouble and len(counts) == 1:
            counted = Finding(
                well=False, said=f"pictures counted: cannot be told, two are refused: {trouble}"
            )
    else:
        dropped = ": it drops pictures, or does not count them" if each <= _ANNOUNCED else ""
        counted = Finding(
            well=not dropped,
            said=f"pictures counted: {each:.0f} tokens each at {width} × {height}, "
            f"the profile says {profile.image_tokens(width, height)}{dropped}",
        )
    said = f"largest batch that works: {counts[-1].pictures} pictures"
    if trouble is None:
        return [counted, Finding(well=True, said=f"{said}, the profile's limit")]
    return [counted, Finding(well=True, said=f"{said}; more did not: {trouble}")]


async def _look(model: OpenAIModel, film: Film, ledger: Ledger) -> tuple[str, _Look]:
    prompt = load("probe")
    limit = min(2_000, model.profile.max_output_tokens)
    question = Question(
        "probe.look", prompt.instructions, prompt.question, film.keyframes, strict_schema(_Look), limit
    )
    frames = [keyframe.index for keyframe in film.keyframes]

    def read_look(reply: Reply) -> tuple[str, _Look]:
        return reply.field, read(reply, _Look, frames)

    return await ask_checked(question, read_look, model, ledger)


def _on_sight(film: Film, look: _Look) -> list[Finding]:
    read_there = {seen.frame: seen.number for seen in look.pictures}
    true = dict(zip((keyframe.index for keyframe in film.keyframes), film.numbers, strict=True))
    right = sum(read_there.get(frame) == number for frame, number in true.items())
    anywhere = len(set(read_there.values()) & set(film.numbers))
    findings = [
        Finding(anywhere == len(true), f"sight: {anywhere} of the {len(true)} numbers drawn were read"),
        Finding(
            anywhere > 0 and right == anywhere,
            f"order: {right} of the {anywhere} numbers read were told of the frame they stand in"
            if anywhere
            else "order: cannot be told, none of the numbers drawn was read",
        ),
    ]
    late, off = _errors(film, look)
    missing = "cannot be told, none of the shapes drawn was seen"
    findings.append(
        Finding(
            bool(late) and fmean(late) <= _LATE_SECONDS,
            f"times: {fmean(late):.2f} s off on average" if late else f"times: {missing}",
        )
    )
    findings.append(
        Finding(
            bool(off) and fmean(off) <= _BOX_OFF,
            f"boxes: {fmean(off):.1%} of the picture's side off on average" if off else f"boxes: {missing}",
        )
    )
    return findings


def _errors(film: Film, look: _Look) -> tuple[list[float], list[float]]:
    """How far edges in time (seconds) and sides of boxes (shares of the picture) are off, of shapes seen."""
    times = {keyframe.index: keyframe.time_seconds for keyframe in film.keyframes}
    late: list[float] = []
    off: list[float] = []
    for shape in film.shapes:
        told = next((each for each in look.shapes if shape.colour in each.colour.lower()), None)
        if told is not None:
            late.append(abs(times[told.first_frame] - times[shape.first]))
            late.append(abs(times[told.last_frame] - times[shape.last]))
            off.append(_apart(told.box, shape.box))
    return late, off


def _apart(one: Box, other: Box) -> float:
    return fmean(abs(a - b) for a, b in zip(one, other, strict=True))


async def _corrected(model: OpenAIModel, most: int, each: float | None, ledger: Ledger) -> ModelProfile:
    """The profile with what was measured in place of what was assumed."""
    known = model.profile
    corrected = replace(
        known,
        max_images=most,
        images_per_batch=min(known.images_per_batch, most),
        schema_support=model.dialect.schema,
    )
    if each is None or each <= _ANNOUNCED or most < 2:
        return corrected
    small = (SIDES[0] // 2, SIDES[1] // 2)
    try:
        film = draw_film(small)
        fewer = [await _count(model, film, pictures, ledger, size=small) for pictures in (1, 2)]
    except AnalyzerError:
        return corrected
    return with_picture_tokens(corrected, each, tokens_each(fewer))


def with_picture_tokens(profile: ModelProfile, large: float, small: float | None) -> ModelProfile:
    """The profile with the tokens a picture was measured to take at full and at half the sides."""
    if (
        small is None
        or small <= _ANNOUNCED
        or abs(large - profile.image_tokens(*SIDES)) <= _SAME_SIZE * large
    ):
        return profile
    if abs(large - small) <= _SAME_SIZE * large:
        return replace(profile, fixed_image_tokens=round(large) - _ANNOUNCED)
    patch = round((SIDES[0] * SIDES[1] / (large - _ANNOUNCED)) ** 0.5)
    return replace(profile, fixed_image_tokens=None, patch_pixels=max(1, patch))
