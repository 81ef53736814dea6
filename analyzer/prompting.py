"""Prompts: Markdown files that come with the package, each with a version, and gaps to be filled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_FORM = re.compile(
    r"version: (?P<version>\d+)\n+# Instructions\n+(?P<instructions>.*?)\n+# Question\n+(?P<question>.*)",
    re.DOTALL,
)
_GAP = re.compile(r"\{\{(\w+)\}\}")
_BLANK_LINES = re.compile(r"\n{3,}")
_PROMPTS = "prompts"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is said to a model for one task; ``{{name}}`` marks a gap."""

    version: int
    """Counted up whenever the wording changes, since answers may change with it."""
    instructions: str
    question: str


@cache
def load(name: str, *, rules: bool = True) -> Prompt:
    """The prompt of a task, with the rules that hold wherever pictures are looked at."""
    folder = files("analyzer") / _PROMPTS
    match = _FORM.fullmatch((folder / f"{name}.md").read_text("utf-8"))
    if match is None:
        raise ValueError(f"the prompt {name}.md has another form than: version, Instructions, Question")
    instructions = match["instructions"]
    if rules:
        instructions += "\n\n" + (folder / "rules.md").read_text("utf-8").strip()
    return Prompt(int(match["version"]), instructions, match["question"])


def fill(text: str, words: Mapping[str, str]) -> str:
    """The text with its gaps filled; a gap nobody has words for is left empty, and so is no line."""
    filled = _GAP.sub(lambda gap: words.get(gap[1], ""), text)
    return _BLANK_LINES.sub("\n\n", filled).strip()
