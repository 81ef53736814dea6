"""What is done with the texts and documents of strangers, as functions of bytes that raise only where we are wrong."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import cache
from ipaddress import ip_address
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from pydantic import ValidationError

from analyzer import (
    AnalysisRequest,
    AnalyzerError,
    ModelProfile,
    Segment,
    SegmentField,
    TaskName,
    Timeline,
    Usage,
    analyze,
)
from analyzer.consulting import prepare
from analyzer.conversation import Batch, Question, Reply
from analyzer.errors import UnusableAnswerError
from analyzer.models.openai.wire import Answer, UnreadableResponseError, one_line, read_error, read_response
from analyzer.spending import Ledger
from analyzer.types import ModelInfo
from api.documents import json_text, parse_timeline, read_timeline, rounded, timeline_document
from api.errors import ExportRefusedError, RefusedError, RequestError, TimelineFileError, TruthFileError
from api.exports import SUFFIXES
from api.exports.cutlists import shots_edl, shots_otio
from api.exports.listing import shots_csv, shots_table
from api.exports.rendering import render
from api.outbound import Outbound, _ascii, is_public, name_in
from api.plans import Estimate, KeyframePlan, Plan, SecondLookPlan
from api.routes.submissions import Submission, validated_json
from api.schemas import read_taxonomy, timeline_request
from api.scoring import read_truth, score_timeline, unasked
from api.uploads import Limits as UploadLimits
from api.uploads import received
from sampler import MediaInfo, SamplerError
from sampler.sandbox import messages
from tests.analyzer.talk import keyframes_of, plan_of
from tests.api import handmade
from tests.inert import assert_export_inert, assert_inert
from tests.invariants import assert_valid_timeline

TASKS: tuple[TaskName, ...] = get_args(TaskName)
FRAMES = 12
_PLAN = plan_of([float(n) for n in range(FRAMES)], shots=[(0.0, 5.5), (5.5, 12.0)], duration=12.0)
_PROFILE = ModelProfile("fuzzed", images_per_batch=6)


@cache
def scratch() -> Path:
    """A folder for what is only read from files; gone when the process ends."""
    folder = TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True)
    _KEPT.append(folder)
    return Path(folder.name)


_KEPT: list[TemporaryDirectory[str]] = []


def _is_one_line(error: Exception) -> None:
    assert str(error)
    assert "\n" not in str(error)


# -- what a model says -----------------------------------------------------------------------------------------


class _Says:
    """A model that gives the same answer to everything."""

    info = ModelInfo("openai", "fuzzed")
    profile = _PROFILE

    def __init__(self, text: str) -> None:
        self._text = text

    async def ask(self, question: Question, ledger: Ledger) -> Reply:
        """As the real one does: reserve, then answer."""
        ledger.reserve(question.worst_case_usd(self.profile)).settle(
            Usage(input_tokens=question.input_tokens(self.profile))
        )
        return Reply(self._text, Usage(requests=1))


def _request(task: TaskName) -> AnalysisRequest:
    return AnalysisRequest(
        tasks=(task,),
        question="Is it raining?" if task in ("ask", "custom") else None,
        schema=_SCHEMA if task == "custom" else None,
        taxonomy=("rain", "sun") if task == "tags" else (),
        segments=_SEGMENTS if task == "events" else (),
    )


_SEGMENTS = (
    Segment(
        "goal kick",
        "A goal kick is taken.",
        (
            SegmentField("team", enum=("red", "blue")),
            SegmentField("speed", "number"),
            SegmentField("shirt", "integer"),
            SegmentField("note"),
        ),
        min_duration_seconds=1.0,
    ),
)
_SCHEMA = {"type": "object", "properties": {"wet": {"type": "boolean"}, "note": {"type": "string"}}}


def answers(data: bytes) -> None:
    """A task's name in the first line, then what the model says to everything it is asked about it."""
    head, _, said = data.partition(b"\n")
    name = head.decode("latin-1")
    task: TaskName = name if name in TASKS else TASKS[len(data) % len(TASKS)]
    timeline = asyncio.run(_told(task, said.decode("utf-8", "replace")))
    document = timeline_document(rounded(timeline))
    json_text(document).encode("utf-8")
    assert_valid_timeline(document)
    assert_inert({key: value for key, value in document.items() if key not in ("request", "media")})


async def _told(task: TaskName, said: str) -> Timeline:
    request = _request(task)
    asked = timeline_request(tasks=(task,), frames=FRAMES, ask="?" if task in ("ask", "custom") else None)
    async with aclosing(analyze(_PLAN, keyframes_of(_PLAN), request, _Says(said))) as steps:
        timeline = [step async for step in steps if isinstance(step, Timeline)][-1]
    return replace(timeline, request=asked.model_dump(mode="json"))


def replies(data: bytes) -> None:
    """The body of a model server's response, good or bad."""
    for expects_json in (True, False):
        with suppress(UnreadableResponseError):
            answer = read_response(data, expects_json=expects_json)
            if isinstance(answer, Answer):
                assert answer.input_tokens >= 0
                ledger = Ledger(max_requests=3, max_cost_usd=1.0)
                usage = Usage(1, 0, answer.input_tokens, answer.output_tokens, answer.cost_usd)
                ledger.reserve(0.1).settle(usage)
                json.dumps(ledger.usage.cost_usd, allow_nan=False)
                _read_by_every_task(answer.text)
    assert len(one_line(read_error(data).message)) < 1_000


def _read_by_every_task(text: str) -> None:
    batch = Batch(0, tuple(keyframes_of(_PLAN)))
    for task in TASKS:
        for inquiry in prepare(_request(task), _PROFILE):
            with suppress(UnusableAnswerError):
                inquiry.read(Reply(text, Usage()), batch)


# -- documents that are given back to us -------------------------------------------------------------------------


def timelines(data: bytes) -> None:
    """A file given to ``export`` and ``score``: a timeline, or a line that says why it is none."""
    path = scratch() / "timeline.json"
    path.write_bytes(data)
    try:
        timeline = read_timeline(path)
    except TimelineFileError as error:
        _is_one_line(error)
        return
    text = json_text(timeline_document(rounded(timeline)))
    assert timeline_document(parse_timeline(text.encode())) == timeline_document(rounded(timeline))


def exports(data: bytes) -> None:
    """A timeline told in every format, whatever its texts and times are."""
    try:
        timeline = parse_timeline(data)
    except ValueError:
        return
    for form in SUFFIXES:
        try:
            text = render(timeline, form)
        except ExportRefusedError as error:
            _is_one_line(error)
            continue
        if form != "json":
            assert_export_inert(form, text, len(timeline.events))
    plan = _plan_of(timeline)
    for tell in (shots_edl, shots_otio, shots_csv, shots_table):
        tell(plan).encode("utf-8")


def _plan_of(timeline: Timeline) -> Plan:
    keyframes = tuple(
        KeyframePlan(k.index, k.time_seconds, k.pts, k.time_base, k.shot, k.reason, k.sharpness)
        for k in timeline.keyframes
    )
    return Plan(
        media=timeline.media,
        sampling="exact",
        shots=timeline.shots,
        keyframes=keyframes,
        batches=(),
        estimate=Estimate(),
        second_look=SecondLookPlan(),
        coverage=timeline.coverage,
        warnings=timeline.warnings,
    )


def truths(data: bytes) -> None:
    """A truth file of any form, and the score of a timeline against it."""
    path = scratch() / "truth.json"
    path.write_bytes(data)
    try:
        truth = read_truth(path, "video.mp4")
    except TruthFileError as error:
        _is_one_line(error)
        return
    document = timeline_document(replace(handmade.timeline(), request=_SCORED))
    json_text(rounded(score_timeline(document, truth)))
    unasked(document, truth)


_SCORED = timeline_request(tasks=TASKS, ask="?", instructions="x").model_dump(mode="json")


# -- what clients send -------------------------------------------------------------------------------------------


def requests(data: bytes) -> None:
    """The JSON of a request, over HTTP, and as a taxonomy's file."""
    with suppress(RefusedError, ValidationError):
        submission = Submission.model_validate(validated_json(data))
        json.dumps(submission.timeline_request(), allow_nan=False).encode("utf-8")
        submission.sample_request()
        submission.model_dump_json()
        with suppress(AnalyzerError):
            prepare(submission.analysis_request(), _PROFILE)
    path = scratch() / "taxonomy.txt"
    path.write_bytes(data)
    with suppress(RequestError):
        read_taxonomy(path)


def uploads(data: bytes) -> None:
    """A multipart body; its first line is the Content-Type."""
    head, _, body = data.partition(b"\n")
    folder = scratch() / "incoming"
    folder.mkdir(exist_ok=True)

    async def pieces() -> Any:
        for at in range(0, len(body), 97):
            yield body[at : at + 97]

    async def take() -> None:
        kind = head.decode("latin-1")
        with suppress(RefusedError):
            async with received(pieces(), kind, folder, UploadLimits(10_000, 3)) as came:
                for file in came.files:
                    assert file.path.parent == folder
                    assert "/" not in file.name
                    assert "\\" not in file.name
                    assert file.name.isprintable()
                    assert file.path.stat().st_size == file.bytes
                assert sum(file.bytes for file in came.files) <= 10_000

    asyncio.run(take())
    assert not list(folder.iterdir()), "files were left behind"


def urls(data: bytes) -> None:
    """A URL of a stranger, and every address folded into sixteen bytes."""
    url = data.decode("utf-8", "replace")
    with suppress(RefusedError):
        Outbound().check(url)
        name_in(url)
        sent = _ascii(url)
        assert b"\r" not in sent
        assert b"\n" not in sent
        assert b" " not in sent
    for length in (4, 16):
        if len(data) >= length:
            is_public(ip_address(data[:length]))


# -- what a decoder that was taken over may send -----------------------------------------------------------------


def sandbox_messages(data: bytes) -> None:
    """Whatever arrives, the parent gets an outcome of a known kind or a typed error."""
    ours, theirs = socket.socketpair()
    with Connection(ours.detach()) as connection, theirs:
        picture = b"\xff\xd8 picture"
        framed = struct.pack("!i", len(data)) + data + struct.pack("!i", len(picture)) + picture
        theirs.setblocking(False)
        with suppress(BlockingIOError):
            theirs.sendall(framed)
        theirs.shutdown(socket.SHUT_WR)
        with suppress(SamplerError, EOFError, OSError):
            outcome = messages.receive(connection)
            if isinstance(outcome, MediaInfo):
                json_text(outcome.name)


TEXTS: dict[str, tuple[Callable[[bytes], None], bool]] = {
    "answers": (answers, True),
    "replies": (replies, True),
    "timelines": (timelines, True),
    "exports": (exports, True),
    "truths": (truths, True),
    "requests": (requests, True),
    "uploads": (uploads, False),
    "urls": (urls, False),
    "messages": (sandbox_messages, True),
}
"""The attack and whether its input is JSON."""
