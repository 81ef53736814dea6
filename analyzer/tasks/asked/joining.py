"""One answer for the whole out of the answers for its parts, where words have to be found for it.

Only words: a joining question shows no pictures and can neither add nor remove what was seen. Where it
fails, the parts themselves stand in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from analyzer.conversation import ModelProfile, Question, Reply
from analyzer.prompting import fill, load

R = TypeVar("R")

_LONGEST_PARTS = 24_000
"""Characters of what is joined; each part is cut to its share."""
_OUTPUT_TOKENS = 4_096


@dataclass(frozen=True, slots=True)
class Joining(Generic[R]):
    """A question about text alone, and how its answer is read."""

    question: Question
    read: Callable[[Reply], R]
    """Raises ``UnusableAnswerError``."""

    def question_for(self, profile: ModelProfile) -> Question:
        """The question, its answer no longer than the model can give."""
        most = min(self.question.max_output_tokens, profile.max_output_tokens)
        return replace(self.question, max_output_tokens=most)


def join_parts(
    name: str,
    wanted: str,
    parts: Sequence[str],
    schema: Mapping[str, object] | None,
    read: Callable[[Reply], R],
    max_output_tokens: int = _OUTPUT_TOKENS,
) -> Joining[R]:
    """Ask for one answer out of these parts, in order of time; ``wanted`` says what the answer is."""
    share = _LONGEST_PARTS // max(1, len(parts))
    listed = "\n".join(f"{number}. {part[:share]}" for number, part in enumerate(parts, start=1))
    prompt = load("join", rules=False)
    question = Question(
        id=f"{name}.join",
        instructions=prompt.instructions,
        text=fill(prompt.question, {"question": wanted, "parts": listed}),
        schema=schema,
        max_output_tokens=max_output_tokens,
    )
    return Joining(question, read)
