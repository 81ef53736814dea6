"""The catalogue of fuzz targets, and the corpus each begins with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.media import MEDIA
from tests.fuzz.texts import TEXTS

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True, slots=True)
class Target:
    """One place that strangers' bytes reach."""

    name: str
    attack: Callable[[bytes], None]
    """Raises where we are wrong; what strangers do wrong it takes as it should."""
    as_json: bool
    """Its inputs are JSON, or become so after their first line."""

    @property
    def corpus(self) -> list[Path]:
        """Inputs that are kept: drawn ones, and those that once broke something or reached new code."""
        folder = "media" if self.name in MEDIA else self.name
        return sorted(path for path in (CORPUS / folder).iterdir() if path.is_file())


TARGETS = {name: Target(name, attack, as_json) for name, (attack, as_json) in {**TEXTS, **MEDIA}.items()}
