"""A backend that sees what it was told to see: the double for every test of what lies behind perception."""

from collections.abc import Iterable
from dataclasses import replace

from analyzer.errors import ModelError
from analyzer.findings import Findings
from analyzer.perceiving import Faculty
from analyzer.types import ModelInfo
from sampler import Keyframe


class ScriptedModel:
    """Answers from prepared findings; a keyframe without any is one it fails on."""

    def __init__(self, findings: Iterable[Findings]) -> None:
        self._findings = {finding.keyframe: finding for finding in findings}
        self.looked: list[int] = []
        """Indexes of the keyframes it was shown, in order."""

    @property
    def info(self) -> ModelInfo:
        """Named so that no timeline made with it is mistaken for a real one."""
        return ModelInfo(backend="local", name="scripted")

    def look(self, keyframe: Keyframe, wanted: frozenset[Faculty]) -> Findings:
        """Return the prepared findings, reduced to what is wanted.

        Raises:
            ModelError: nothing was prepared for this keyframe.
        """
        self.looked.append(keyframe.index)
        found = self._findings.get(keyframe.index)
        if found is None:
            raise ModelError(f"keyframe {keyframe.index} is not in the script; prepare findings for it")
        return replace(
            found,
            objects=found.objects if "objects" in wanted else None,
            text=found.text if "text" in wanted else None,
            tags=found.tags if "tags" in wanted else None,
            unsafe=found.unsafe if "unsafe" in wanted else None,
        )
