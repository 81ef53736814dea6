"""Four small specialists that need no key, no network and no graphics card: perception first, reasoning after."""

import threading
from typing import TYPE_CHECKING

import cv2
import numpy as np

from analyzer.errors import ModelError
from analyzer.findings import Findings
from analyzer.perceiving import Faculty
from analyzer.types import ModelInfo
from sampler import Keyframe

if TYPE_CHECKING:
    from analyzer.models.local.detector import Detector
    from analyzer.models.local.moderator import Moderator
    from analyzer.models.local.reader import Reader
    from analyzer.models.local.tagger import Tagger

_NAMES: dict[Faculty, str] = {
    "objects": "ssd-mobilenet-v2-coco",
    "text": "pp-ocrv6-small",
    "tags": "efficientnet-lite3",
    "unsafe": "open-nsfw",
}


class LocalModel:
    """The specialists, each loaded when it is first wanted, and once. Safe to share: one keyframe at a time."""

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._detector: Detector | None = None
        self._reader: Reader | None = None
        self._tagger: Tagger | None = None
        self._moderator: Moderator | None = None

    @property
    def info(self) -> ModelInfo:
        """All the specialists there are."""
        return ModelInfo(backend="local", name="+".join(_NAMES.values()))

    def look(self, keyframe: Keyframe, wanted: frozenset[Faculty]) -> Findings:
        """Ask the specialists that are wanted.

        Raises:
            ModelUnavailableError: weights are missing or damaged.
            ModelError: the picture cannot be decoded, or a network refuses it.
        """
        picture = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise ModelError(f"the picture of keyframe {keyframe.index} cannot be decoded")
        pixels = np.asarray(picture, np.uint8)
        with self._lock:
            try:
                return Findings(
                    keyframe=keyframe.index,
                    objects=self._load_detector().detect(pixels) if "objects" in wanted else None,
                    text=self._load_reader().read(pixels) if "text" in wanted else None,
                    tags=self._load_tagger().tag(pixels) if "tags" in wanted else None,
                    unsafe=self._load_moderator().score(pixels) if "unsafe" in wanted else None,
                )
            except (cv2.error, RuntimeError) as error:
                first_line = str(error).strip().splitlines()[0]
                raise ModelError(
                    f"a local model failed on keyframe {keyframe.index}: {first_line}"
                ) from error

    def _load_detector(self) -> "Detector":
        if self._detector is None:
            from analyzer.models.local.detector import Detector  # noqa: PLC0415 - each specialist loads when wanted

            cv2.setNumThreads(self._threads)
            self._detector = Detector()
        return self._detector

    def _load_reader(self) -> "Reader":
        if self._reader is None:
            from analyzer.models.local.reader import Reader  # noqa: PLC0415 - as above

            self._reader = Reader(self._threads)
        return self._reader

    def _load_tagger(self) -> "Tagger":
        if self._tagger is None:
            from analyzer.models.local.tagger import Tagger  # noqa: PLC0415 - as above

            self._tagger = Tagger(self._threads)
        return self._tagger

    def _load_moderator(self) -> "Moderator":
        if self._moderator is None:
            from analyzer.models.local.moderator import Moderator  # noqa: PLC0415 - as above

            self._moderator = Moderator(self._threads)
        return self._moderator
