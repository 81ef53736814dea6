"""The task ``events``: things that come, move and go; texts that appear and change; what the picture itself does."""

from analyzer.describing import describe_shot
from analyzer.drafts import Draft
from analyzer.tasks.appearances import draft_appearances
from analyzer.tasks.captions import draft_captions
from analyzer.tasks.signals import draft_signals
from analyzer.understanding import Understanding


def draft_events(seen: Understanding) -> tuple[Draft, ...]:
    """Return everything that happened. A shot in which nothing did is one event that says what it shows, if it does."""
    drafts = [*draft_appearances(seen), *draft_captions(seen)]
    told = {seen.axis.shot(frame) for draft in drafts for frame in draft.frames}
    return (*drafts, *draft_signals(seen.plan), *_quiet_shots(seen, told))


def _quiet_shots(seen: Understanding, told: set[int]) -> list[Draft]:
    drafts = []
    for shot in seen.plan.shots:
        frames = tuple(frame for frame in seen.axis.seen if seen.axis.shot(frame) == shot.index)
        if frames and shot.index not in told and not all(_is_black(frame, seen) for frame in frames):
            drafts.append(
                Draft(
                    track="scene",
                    label="scene",
                    description=describe_shot(shot, seen),
                    frames=frames,
                    confidence=None,
                    confidence_kind="rule",
                    source="shot description",
                )
            )
    return drafts


def _is_black(frame: int, seen: Understanding) -> bool:
    time = seen.axis.time(frame)
    return any(
        signal.kind == "black" and signal.start_seconds <= time < signal.end_seconds
        for signal in seen.plan.signals
    )
