"""Joining what several batches say into one account. Ours and deterministic: no model has a say in it.

Claims of different batches on one track become one when their keyframes overlap or are neighbours and
they mean the same. What one answer keeps apart stays apart. A claim joins a chain only if it means the same
as every claim in it, so chains do not drift from one thing to another. Where two batches saw the same
keyframe and have nothing in common to say about it, both accounts are kept and flagged.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from typing import Final

from analyzer.drafts import Draft
from analyzer.meaning import likeness
from analyzer.types import EventBox

_ALIKE_OVERLAPPING: Final = 0.5
"""Likeness from which two claims about the same keyframes mean the same."""
_ALIKE_ADJACENT: Final = 0.8
"""The same for neighbours: that a thing goes on where another ended needs better proof."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One draft as one batch made it."""

    id: str
    """``b0.e2``: the third entry of the first batch."""
    batch: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class Merged:
    """One account made of claims that mean the same."""

    draft: Draft
    claims: tuple[Claim, ...]


def merge(claims: Iterable[Claim], shown: Mapping[int, Sequence[int]]) -> tuple[Merged, ...]:
    """Join claims into accounts, in order of time. ``shown`` are the keyframes each batch saw.

    The order of the claims does not matter, and no keyframe that was evidence is lost.
    """
    chains: list[list[Claim]] = []
    ordered = sorted(claims, key=_order)
    for _batch, group in groupby(ordered, key=lambda claim: claim.batch):
        _attach(list(group), chains)
    disputed = _disputes(chains, shown)
    merged = [Merged(_join(chain, disputed[at]), tuple(chain)) for at, chain in enumerate(chains)]
    return tuple(sorted(merged, key=lambda account: (account.draft.frames, _order(account.claims[0]))))


def _order(claim: Claim) -> tuple[object, ...]:
    draft = claim.draft
    return claim.batch, draft.frames, draft.track, draft.label, draft.description, claim.id


def _attach(claims: Sequence[Claim], chains: list[list[Claim]]) -> None:
    """Add each claim of one batch to the chain it continues best, one to one, else begin a chain with it."""
    pairs = sorted(
        (-shared, -alike, chain, claim)
        for chain, members in enumerate(chains)
        for claim, candidate in enumerate(claims)
        if (fit := _fit(members, candidate)) is not None
        for shared, alike in (fit,)
    )
    continued: set[int] = set()
    placed: set[int] = set()
    for _shared, _alike, chain, claim in pairs:
        if chain not in continued and claim not in placed:
            chains[chain].append(claims[claim])
            continued.add(chain)
            placed.add(claim)
    chains += [[claim] for at, claim in enumerate(claims) if at not in placed]


def _fit(chain: Sequence[Claim], claim: Claim) -> tuple[int, float] | None:
    """Keyframes a claim shares with a chain, and how alike they are; None if they are not one thing."""
    if chain[0].draft.track != claim.draft.track:
        return None
    frames = {frame for member in chain for frame in member.draft.frames}
    first, last = min(frames), max(frames)
    apart = max(first, claim.draft.frames[0]) - min(last, claim.draft.frames[-1])
    if apart > 1:
        return None
    needed = _ALIKE_OVERLAPPING if apart <= 0 else _ALIKE_ADJACENT
    alike = min(_likeness(member.draft, claim.draft) for member in chain)
    return (len(frames & set(claim.draft.frames)), alike) if alike >= needed else None


def _likeness(a: Draft, b: Draft) -> float:
    """By label; by label and description together where the labels alone say too little."""
    by_label = likeness(a.label, b.label)
    if by_label == 0.0:
        return 0.0
    return max(by_label, likeness(f"{a.label} {a.description}", f"{b.label} {b.description}"))


def _join(chain: Sequence[Claim], disputed_by: Iterable[str]) -> Draft:
    """One draft for all claims of a chain, told in the words of the claim that saw most."""
    told = max(
        chain, key=lambda claim: (len(claim.draft.frames), claim.draft.confidence or 0.0, -claim.batch)
    )
    attributes = _attributes([told, *chain])
    if disputes := sorted(disputed_by):
        attributes["disputed_by"] = disputes
    boxes: dict[tuple[int, str], EventBox] = {}
    for claim in chain:
        for box in claim.draft.boxes:
            boxes.setdefault((box.keyframe, box.label), box)
    return replace(
        told.draft,
        frames=tuple(sorted({frame for claim in chain for frame in claim.draft.frames})),
        confidence=_confidence(chain),
        boxes=tuple(boxes[key] for key in sorted(boxes)),
        attributes=attributes,
        merged_from=tuple(claim.id for claim in chain),
    )


def _confidence(chain: Sequence[Claim]) -> float | None:
    """The mean of what was said, each claim by the keyframes it saw."""
    said = [(claim.draft.confidence, len(claim.draft.frames)) for claim in chain]
    known = [(confidence, weight) for confidence, weight in said if confidence is not None]
    if not known:
        return None
    return sum(confidence * weight for confidence, weight in known) / sum(weight for _, weight in known)


def _attributes(claims: Sequence[Claim]) -> dict[str, object]:
    """What the claims add up to; where they contradict each other the first is kept and the rest noted."""
    attributes: dict[str, object] = {}
    conflicts: dict[str, list[object]] = defaultdict(list)
    for claim in claims:
        for name, value in claim.draft.attributes.items():
            if attributes.setdefault(name, value) != value and value not in conflicts[name]:
                conflicts[name].append(value)
    contradicted = {name: values for name, values in conflicts.items() if values}
    return attributes | ({"conflicts": contradicted} if contradicted else {})


def _disputes(chains: Sequence[Sequence[Claim]], shown: Mapping[int, Sequence[int]]) -> dict[int, set[str]]:
    """For each chain, the claims of another batch that say something else of a keyframe both saw."""
    said: dict[tuple[int, int, str], dict[int, str]] = defaultdict(dict)
    for at, chain in enumerate(chains):
        for claim in chain:
            for frame in claim.draft.frames:
                said[claim.batch, frame, claim.draft.track][at] = claim.id
    tracks = sorted({track for _batch, _frame, track in said})
    disputed: dict[int, set[str]] = defaultdict(set)
    for one, other in combinations(sorted(shown), 2):
        for frame in set(shown[one]) & set(shown[other]):
            for track in tracks:
                ours, theirs = said.get((one, frame, track), {}), said.get((other, frame, track), {})
                if ours and theirs and not ours.keys() & theirs.keys():
                    for at in ours:
                        disputed[at] |= set(theirs.values())
                    for at in theirs:
                        disputed[at] |= set(ours.values())
    return disputed
