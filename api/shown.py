"""What the models of a job are shown, in storage: keyframes with their pictures, and frames taken for a closer look.

``sampled.json`` holds what sampling found: the same however often a job is run again. ``looked.json`` is there beside
it when closer looks have put more keyframes among them: then the timeline's numbers are its numbers.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pydantic import TypeAdapter

from analyzer import Timeline
from api.documents import json_text
from api.errors import NotStoredError
from api.pipeline import Sampled
from api.storage import Storage, closer_key, looked_key, picture_key, sampled_key
from sampler import Keyframe, PlannedKeyframe

_SAMPLED = TypeAdapter(Sampled)
_FRAMES = TypeAdapter(tuple[Keyframe, ...])


def store_sampled(storage: Storage, job_id: str, sampled: Sampled) -> None:
    """Store what sampling found."""
    _store(storage, sampled_key(job_id), job_id, sampled)


def is_sampled(storage: Storage, job_id: str) -> bool:
    """Whether sampling has found its keyframes."""
    return _is_stored(storage, sampled_key(job_id))


def load_sampled(storage: Storage, job_id: str) -> Sampled:
    """What sampling found for a job, with its pictures.

    Raises:
        NotStoredError: it was deleted, or never got so far.
    """
    return _load(storage, sampled_key(job_id), job_id)


def load_bare(storage: Storage, job_id: str) -> Sampled:
    """The same as ``load_sampled`` without pictures.

    Raises:
        NotStoredError: it was deleted, or never got so far.
    """
    return _SAMPLED.validate_python(json.loads(storage.get(sampled_key(job_id)))["sampled"])


def store_looked(
    storage: Storage, job_id: str, sampled: Sampled, closer: Iterable[Keyframe], timeline: Timeline
) -> bool:
    """Store what the timeline's numbers are about where that is more than was sampled; whether it is.

    The pictures lie in this job's own folder then, whoever's keyframes it began with.
    """
    before = [(each.pts, each.width) for each in sampled.keyframes]
    if [(each.pts, each.width) for each in timeline.keyframes] == before:
        storage.delete(looked_key(job_id))
        return False
    # The largest picture of a frame is the one that was looked at last.
    smallest_first = sorted((*sampled.keyframes, *closer), key=lambda keyframe: keyframe.width)
    taken = {keyframe.pts: keyframe for keyframe in smallest_first}
    keyframes = tuple(
        replace(taken[each.pts], index=each.index, shot=each.shot, reason=each.reason)
        for each in timeline.keyframes
    )
    planned = tuple(
        PlannedKeyframe(k.index, k.time_seconds, k.pts, k.time_base, k.shot, k.reason, k.sharpness)
        for k in keyframes
    )
    looked = replace(sampled, plan=replace(sampled.plan, keyframes=planned), keyframes=keyframes)
    _store(storage, looked_key(job_id), job_id, looked)
    return True


def load_looked(storage: Storage, job_id: str, parent: str | None) -> Sampled:
    """What the numbers of a job's timeline are about, with its pictures; ``parent`` lent it its keyframes.

    Raises:
        NotStoredError: it was deleted, or never got so far.
    """
    owner, key = _home(storage, job_id, parent)
    return _load(storage, key, owner)


def picture_of(storage: Storage, job_id: str, parent: str | None, keyframe: int) -> str:
    """The storage key of the picture of a keyframe of a job's timeline.

    Raises:
        NotStoredError: the job has no such keyframe, or none yet.
    """
    owner, key = _home(storage, job_id, parent)
    pictures = json.loads(storage.get(key))["pictures"]
    if not 0 <= keyframe < len(pictures):
        raise NotStoredError(f"keyframe {keyframe} does not exist; there are {len(pictures)}")
    return picture_key(owner, pictures[keyframe])


def name_of_times(times: Sequence[float], max_pixels: int) -> str:
    """The name under which the frames of these times, of up to so many pixels, are stored."""
    return hashlib.sha256(json.dumps([max_pixels, *times]).encode()).hexdigest()[:32]


def store_frames(storage: Storage, job_id: str, name: str, frames: Sequence[Keyframe]) -> None:
    """Store frames that were taken for a closer look."""
    bare = tuple(replace(frame, jpeg=b"") for frame in frames)
    pictures = _store_pictures(storage, job_id, frames)
    document = {"frames": _FRAMES.dump_python(bare, mode="json"), "pictures": pictures}
    storage.put(closer_key(job_id, name), json_text(document, compact=True).encode())


def load_frames(storage: Storage, job_id: str, name: str) -> tuple[Keyframe, ...]:
    """Frames that were taken before.

    Raises:
        NotStoredError: they were not.
    """
    document = json.loads(storage.get(closer_key(job_id, name)))
    frames = _FRAMES.validate_python(document["frames"])
    return _with_pictures(storage, job_id, frames, document["pictures"])


def _home(storage: Storage, job_id: str, parent: str | None) -> tuple[str, str]:
    """Whose folder holds the pictures, and which document names them."""
    for owner in (job_id, parent):
        if owner is not None and _is_stored(storage, looked_key(owner)):
            return owner, looked_key(owner)
    owner = parent or job_id
    return owner, sampled_key(owner)


def _is_stored(storage: Storage, key: str) -> bool:
    try:
        return storage.size(key) > 0
    except NotStoredError:
        return False


def _store(storage: Storage, key: str, job_id: str, sampled: Sampled) -> None:
    pictures = _store_pictures(storage, job_id, sampled.keyframes)
    bare = replace(sampled, keyframes=tuple(replace(each, jpeg=b"") for each in sampled.keyframes))
    document = {"sampled": _SAMPLED.dump_python(bare, mode="json"), "pictures": pictures}
    storage.put(key, json_text(document, compact=True).encode())


def _load(storage: Storage, key: str, job_id: str) -> Sampled:
    document = json.loads(storage.get(key))
    sampled = _SAMPLED.validate_python(document["sampled"])
    keyframes = _with_pictures(storage, job_id, sampled.keyframes, document["pictures"])
    return replace(sampled, keyframes=keyframes)


def _store_pictures(storage: Storage, job_id: str, keyframes: Iterable[Keyframe]) -> list[str]:
    pictures = []
    for keyframe in keyframes:
        sha256 = hashlib.sha256(keyframe.jpeg).hexdigest()
        storage.put(picture_key(job_id, sha256), keyframe.jpeg)
        pictures.append(sha256)
    return pictures


def _with_pictures(
    storage: Storage, job_id: str, keyframes: Iterable[Keyframe], pictures: Iterable[str]
) -> tuple[Keyframe, ...]:
    return tuple(
        replace(keyframe, jpeg=storage.get(picture_key(job_id, sha256)))
        for keyframe, sha256 in zip(keyframes, pictures, strict=True)
    )
