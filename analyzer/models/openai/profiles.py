"""What is known of models: a table that comes with the package, extended or corrected by a user's own file.

Both are TOML: one ``[[profile]]`` for each model, its ``name`` a pattern over model ids (``*`` for anything),
the other keys the fields of ``ModelProfile``. The longest fitting pattern wins, the user's over ours.
"""

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from analyzer.conversation import ModelProfile
from analyzer.errors import AnalysisRequestError

_PROFILES = TypeAdapter(list[ModelProfile])


def find_profile(model: str, user_file: Path | None = None) -> ModelProfile:
    """The profile of a model id; a careful default for one nobody has described.

    Raises:
        AnalysisRequestError: the user's file cannot be read or makes no sense.
    """
    ours = _parse((files(__package__) / "profiles.toml").read_text("utf-8"), "profiles.toml")
    theirs: list[ModelProfile] = []
    if user_file is not None:
        try:
            theirs = _parse(user_file.read_text("utf-8-sig"), str(user_file))
        except (OSError, UnicodeDecodeError) as error:
            raise AnalysisRequestError(f"the model profiles {user_file} cannot be read: {error}") from error
    return _best(model, theirs) or _best(model, ours) or ModelProfile(name=model)


def with_profile(text: str, profile: ModelProfile) -> str:
    """A file of profiles with this one in it, in place of the one of that very name if there is one.

    Everything else in the file stays as it is, comments as well.

    Raises:
        AnalysisRequestError: the text is no file of profiles.
    """
    _parse(text, "to be extended")
    fields = {name: value for name, value in asdict(profile).items() if value is not None}
    ours = "[[profile]]\n" + "".join(f"{name} = {_toml(value)}\n" for name, value in fields.items())
    head, *others = re.split(r"^(?=\[\[profile\]\])", text, flags=re.MULTILINE)
    kept = [other for other in others if _parse(other, "to be extended")[0].name != profile.name]
    parts = [part.strip("\n") for part in (head, *kept, ours)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _parse(text: str, origin: str) -> list[ModelProfile]:
    try:
        return _PROFILES.validate_python(tomllib.loads(text).get("profile", []), extra="forbid")
    except tomllib.TOMLDecodeError as error:
        raise AnalysisRequestError(f"the model profiles {origin} are not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AnalysisRequestError(
            f"the model profiles {origin} are wrong at {where}: {first['msg']}"
        ) from error


def _best(model: str, profiles: Iterable[ModelProfile]) -> ModelProfile | None:
    """The most specific profile for a model id; ids are compared without regard to case."""
    fitting = [p for p in profiles if fnmatchcase(model.lower(), p.name.lower())]
    best = max(fitting, key=lambda p: len(p.name.replace("*", "")), default=None)
    return best and replace(best, name=model)
