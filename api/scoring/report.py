"""Scores one timeline document against one truth: which measure is applied to what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from api.scoring import measures as m
from api.scoring.truths import Truth

CUT_TOLERANCE_SECONDS = 0.1
GRADUAL_TOLERANCE_SECONDS = 0.5
CHAPTER_TOLERANCE_SECONDS = 5.0
"""A chapter mark counts within five seconds, as in VidChapters (Yang et al., 2023)."""
BOX_TIME_TOLERANCE_SECONDS = 0.1

Document = Mapping[str, Any]

_NEEDS = {
    "events": ("events", "events"),
    "retrieval": ("queries", "events"),
    "text": ("texts", "text"),
    "things": ("things", "objects"),
    "boxes": ("boxes", "objects"),
    "chapters": ("chapters", "describe"),
    "tags": ("tags", "tags"),
    "moderation": ("moderation", "moderation"),
}
"""For each section of the report, the field of the truth it is about and the task that answers it."""


def score_timeline(timeline: Document, truth: Truth) -> dict[str, dict[str, object]]:
    """Every measure the truth allows, by name; a measure with nothing to measure is None.

    Args:
        timeline: A timeline document, validated.
        truth: What is known of the same video. Only what it speaks of and what was asked for is scored.
    """
    sections: dict[str, tuple[object, Callable[[], dict[str, object]]]] = {
        "cuts": (truth.cuts, lambda: _cuts(timeline, truth)),
        "events": (truth.events, lambda: _events(timeline, truth)),
        "retrieval": (truth.queries, lambda: _retrieval(timeline, truth)),
        "sampler": (truth.events, lambda: _sampler(timeline, truth)),
        "text": (truth.texts, lambda: _text(timeline, truth)),
        "things": (truth.things, lambda: _things(timeline, truth)),
        "boxes": (truth.boxes, lambda: _boxes(timeline, truth)),
        "chapters": (truth.chapters, lambda: _chapters(timeline, truth)),
        "tags": (truth.tags, lambda: _tags(timeline, truth)),
        "moderation": (truth.moderation, lambda: _moderation(timeline, truth)),
    }
    skipped = unasked(timeline, truth)
    return {
        name: measure()
        for name, (known, measure) in sections.items()
        if known is not None and name not in skipped
    }


def unasked(timeline: Document, truth: Truth) -> list[str]:
    """What the truth speaks of and the timeline was not asked for, by the report's names."""
    tasks = timeline["request"].get("tasks", [task for _, task in _NEEDS.values()])
    return [
        section
        for section, (field, task) in _NEEDS.items()
        if task not in tasks and getattr(truth, field) is not None
    ]


def _cuts(timeline: Document, truth: Truth) -> dict[str, object]:
    cuts = truth.cuts or ()
    ours = [s["start_seconds"] for s in timeline["shots"] if s["transition"] != "start"]
    matched = m.count_matches(
        len(ours),
        len(cuts),
        lambda p, t: (
            abs(ours[p] - cuts[t].time_seconds)
            <= (GRADUAL_TOLERANCE_SECONDS if cuts[t].transition == "gradual" else CUT_TOLERANCE_SECONDS)
        ),
    )
    return asdict(m.Agreement.of(matched, len(ours), len(cuts)))


def _events(timeline: Document, truth: Truth) -> dict[str, object]:
    ours = [(_span(e), _words(e)) for e in timeline["events"]]
    theirs = [((e.start_seconds, e.end_seconds), f"{e.label} {e.description}") for e in truth.events or ()]
    spans, expected = [span for span, _ in ours], [span for span, _ in theirs]
    confidence = [1.0 if e["confidence"] is None else e["confidence"] for e in timeline["events"]]
    best = [max((m.interval_iou(span, other) for other in spans), default=0.0) for span in expected]
    return {
        "mean_tiou": m.mean(best),
        "f1_at_0.5": asdict(m.event_agreement(spans, expected, 0.5)),
        "f1_at_0.7": asdict(m.event_agreement(spans, expected, 0.7)),
        "map_0.5_0.95": m.mean_average_precision(
            confidence, len(expected), lambda p, t: m.interval_iou(spans[p], expected[t])
        ),
        "soda_token_f1": asdict(m.soda(ours, theirs)),
    }


def _retrieval(timeline: Document, truth: Truth) -> dict[str, object]:
    """R@1 and mAP as QVHighlights does, with the events ranked by token F1 with the query."""
    events = [(_span(e), _words(e)) for e in timeline["events"]]
    precisions, hits = [], {0.5: 0, 0.7: 0}
    queries = truth.queries or ()
    for query in queries:
        windows = query.windows
        scores = [m.token_f1(words, query.query) for _, words in events]
        overlap = _overlap_of([span for span, _ in events], windows)
        value = m.mean_average_precision(scores, len(windows), overlap)
        precisions += [] if value is None else [value]
        top = max(range(len(events)), key=lambda p: (scores[p], -p), default=None)
        reached = 0.0 if top is None else max((overlap(top, t) for t in range(len(windows))), default=0.0)
        for threshold in hits:
            hits[threshold] += reached >= threshold
    return {
        "recall_at_1_tiou_0.5": hits[0.5] / len(queries) if queries else None,
        "recall_at_1_tiou_0.7": hits[0.7] / len(queries) if queries else None,
        "map_0.5_0.95": m.mean(precisions),
    }


def _overlap_of(spans: Sequence[m.Interval], windows: Sequence[m.Interval]) -> Callable[[int, int], float]:
    return lambda p, t: m.interval_iou(spans[p], windows[t])


def _sampler(timeline: Document, truth: Truth) -> dict[str, object]:
    """Share of the truth's events that at least one keyframe lies in."""
    times = [keyframe["time_seconds"] for keyframe in timeline["keyframes"]]
    seen = [any(e.start_seconds <= time < e.end_seconds for time in times) for e in truth.events or ()]
    return {"event_recall": m.mean([float(hit) for hit in seen]), "keyframes": len(times)}


def _text(timeline: Document, truth: Truth) -> dict[str, object]:
    """Each truth text against the closest element on screen at its time; none there counts as empty."""
    elements = timeline["results"].get("text") or []
    pairs = []
    for text in truth.texts or ():
        shown = (text.start_seconds, text.end_seconds)
        there = [
            e["text"] for e in elements if any(m.interval_iou(_span(i), shown) > 0 for i in e["instances"])
        ]
        pairs.append((min(there, key=lambda read: m.edit_distance(read, text.text), default=""), text.text))
    return {"character_error_rate": m.character_error_rate(pairs)}


def _things(timeline: Document, truth: Truth) -> dict[str, object]:
    """Instances of tracks against the truth's spans: same label, temporal IoU of a half."""
    tracks = (timeline["results"].get("objects") or {"tracks": []})["tracks"]
    ours = [(track["label"], _span(i)) for track in tracks for i in track["instances"]]
    theirs = [(thing.label, (thing.start_seconds, thing.end_seconds)) for thing in truth.things or ()]
    matched = m.count_matches(
        len(ours),
        len(theirs),
        lambda p, t: ours[p][0] == theirs[t][0] and m.interval_iou(ours[p][1], theirs[t][1]) >= 0.5,
    )
    return {"f1_at_0.5": asdict(m.Agreement.of(matched, len(ours), len(theirs)))}


def _boxes(timeline: Document, truth: Truth) -> dict[str, object]:
    """COCO-style mean over labels of box AP; a truth box is expected only where a keyframe was looked at."""
    times = {keyframe["index"]: keyframe["time_seconds"] for keyframe in timeline["keyframes"]}
    tracks = (timeline["results"].get("objects") or {"tracks": []})["tracks"]
    ours = [
        (track["label"], times[box["keyframe"]], tuple(box["box"]), box["confidence"] or 0.0)
        for track in tracks
        for box in track["boxes"]
    ]
    expected = [
        box
        for box in truth.boxes or ()
        if any(abs(time - box.time_seconds) <= BOX_TIME_TOLERANCE_SECONDS for time in times.values())
    ]
    moments = [box.time_seconds for box in expected]
    judged = [o for o in ours if any(abs(o[1] - moment) <= BOX_TIME_TOLERANCE_SECONDS for moment in moments)]
    values = []
    for label in sorted({box.label for box in expected}):
        mine = [o for o in judged if o[0] == label]
        theirs = [box for box in expected if box.label == label]

        def overlap(p: int, t: int, mine: list[Any] = mine, theirs: list[Any] = theirs) -> float:
            near = abs(mine[p][1] - theirs[t].time_seconds) <= BOX_TIME_TOLERANCE_SECONDS
            return m.box_iou(mine[p][2], theirs[t].box) if near else 0.0

        value = m.mean_average_precision([o[3] for o in mine], len(theirs), overlap)
        values += [] if value is None else [value]
    return {"map_0.5_0.95": m.mean(values), "boxes_expected": len(expected)}


def _chapters(timeline: Document, truth: Truth) -> dict[str, object]:
    chapters = (timeline["results"].get("describe") or {"chapters": []})["chapters"]
    agreement = m.boundary_agreement(
        [chapter["start_seconds"] for chapter in chapters],
        [chapter.start_seconds for chapter in truth.chapters or ()],
        CHAPTER_TOLERANCE_SECONDS,
    )
    return {"f1_at_5s": asdict(agreement)}


def _tags(timeline: Document, truth: Truth) -> dict[str, object]:
    expected = {tag.casefold() for tag in truth.tags or ()}
    ours = [(t["tag"].casefold(), t["confidence"]) for t in timeline["results"].get("tags") or []]
    matched = len({tag for tag, _ in ours} & expected)
    judged = [(confidence, tag in expected) for tag, confidence in ours if confidence is not None]
    return asdict(m.Agreement.of(matched, len({tag for tag, _ in ours}), len(expected))) | {
        "calibration_error": m.calibration_error(judged)
    }


def _moderation(timeline: Document, truth: Truth) -> dict[str, object]:
    """Flagged (review or block) against what should be flagged, clause by clause."""
    clauses = (timeline["results"].get("moderation") or {"clauses": []})["clauses"]
    expected = {clause.id for clause in truth.moderation or () if clause.verdict != "allow"}
    flagged = {clause["id"] for clause in clauses if clause["verdict"] != "allow"}
    judged = [(c["confidence"], c["id"] in expected) for c in clauses if c["confidence"] is not None]
    return asdict(m.Agreement.of(len(flagged & expected), len(flagged), len(expected))) | {
        "calibration_error": m.calibration_error(judged)
    }


def _span(thing: Document) -> m.Interval:
    return (thing["start_seconds"], thing["end_seconds"])


def _words(event: Document) -> str:
    return f"{event['label']} {event['description']}"
