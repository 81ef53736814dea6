"""The values of a talk with a vision-language model: what it can take, is shown and asked, and says."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal, Protocol, runtime_checkable

from analyzer.spending import Ledger
from analyzer.types import ModelInfo, Usage
from sampler import Keyframe

Finish = Literal["stop", "length", "filtered", "other"]
"""Why the model stopped: it was done, it ran out of output tokens, a filter stopped it, or something else."""

SchemaSupport = Literal["json_schema", "json_object", "prompt"]
"""How the form of an answer is asked for: strict schema, any JSON and the schema in words, words."""

_ESTIMATE_MARGIN = 1.25
"""A server may count more input tokens than we estimate: limits hold against this much more."""
_TOKENS_AROUND_PICTURE = 14
"""``Frame 12 <34.5 seconds>`` one token a digit, and the two marks around a picture (Qwen's tokenizer)."""


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What is known of a model and of how it counts pictures and money."""

    name: str
    """A pattern over model ids, ``*`` matches anything: ``qwen/qwen3-vl-*``."""
    max_images: int = 16
    """Pictures a request may hold."""
    images_per_batch: int = 12
    """Pictures a request should hold: more saves requests, fewer keeps the model attentive."""
    context_tokens: int = 32_768
    """Input and output together."""
    max_output_tokens: int = 4_096
    patch_pixels: int = 32
    """A picture costs one token for each square of this side."""
    fixed_image_tokens: int | None = None
    """Tokens of any picture, for models that scale all pictures to one size."""
    max_image_pixels: int = 1280 * 736
    """Larger pictures are scaled down by the server or refused: the sampler's pixel budget."""
    input_usd_per_million: float | None = None
    """Price of a million input tokens in US dollars; None where unknown, 0 for a model of one's own."""
    output_usd_per_million: float | None = None
    schema_support: SchemaSupport = "json_schema"
    """What its server is known to understand; less is found out by itself, at the price of a refused request."""

    def __post_init__(self) -> None:
        """Refuse limits that let nothing through."""
        for field in (
            "max_images",
            "images_per_batch",
            "context_tokens",
            "max_output_tokens",
            "patch_pixels",
        ):
            if getattr(self, field) < 1:
                raise ValueError(
                    f"{field} of model profile {self.name!r} is {getattr(self, field)}; at least 1"
                )

    def image_tokens(self, width: int, height: int) -> int:
        """Tokens of one picture of this size in pixels, with the text that announces it."""
        if self.fixed_image_tokens is not None:
            return self.fixed_image_tokens + _TOKENS_AROUND_PICTURE
        scale = min(1.0, sqrt(self.max_image_pixels / (width * height)))
        across, down = (max(1, round(side * scale / self.patch_pixels)) for side in (width, height))
        return across * down + _TOKENS_AROUND_PICTURE

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float | None:
        """Price of so many tokens in US dollars; None where it is unknown."""
        if self.input_usd_per_million is None or self.output_usd_per_million is None:
            return None
        return (input_tokens * self.input_usd_per_million + output_tokens * self.output_usd_per_million) / 1e6


@dataclass(frozen=True, slots=True)
class Batch:
    """Ordered keyframes that one request shows."""

    index: int
    """Position among the batches of the run, from 0."""
    keyframes: tuple[Keyframe, ...]
    """In time order; at least one."""
    overlap: int = 0
    """How many of the first keyframes the batch before has shown as well."""

    @property
    def frames(self) -> tuple[int, ...]:
        """The numbers of its keyframes: all that an answer may cite."""
        return tuple(keyframe.index for keyframe in self.keyframes)


@dataclass(frozen=True, slots=True)
class Repair:
    """An answer that could not be used, and why, shown to the model when it is asked again."""

    answer: str
    complaint: str


@dataclass(frozen=True, slots=True)
class Question:
    """One request to a model: instructions, pictures in order, the question."""

    id: str
    """Names it in errors and records: ``events.b3``."""
    instructions: str
    """Who the model is and the rules that hold for every answer."""
    text: str
    """What is asked; shown before the pictures and again after them."""
    keyframes: tuple[Keyframe, ...] = ()
    """In time order; none for a question about text alone."""
    schema: Mapping[str, object] | None = None
    """JSON Schema of the answer in the strict form; None for free text."""
    max_output_tokens: int = 4_096
    repair: Repair | None = None

    def input_tokens(self, profile: ModelProfile) -> int:
        """Estimate of what the model will count as input."""
        pictures = sum(profile.image_tokens(k.width, k.height) for k in self.keyframes)
        said = [self.instructions, self.text, self.text]
        if self.repair is not None:
            said += [self.repair.answer, self.repair.complaint]
        return pictures + sum(text_tokens(part) for part in said)

    def worst_case_usd(self, profile: ModelProfile) -> float | None:
        """What one request for it can cost at most; None where the price is unknown."""
        tokens = round(self.input_tokens(profile) * _ESTIMATE_MARGIN)
        return profile.cost_usd(tokens, self.max_output_tokens)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said to one question."""

    text: str
    """Byte for byte what the server sent as the answer."""
    usage: Usage
    """Of all requests this answer took, failed ones included."""
    finish: Finish = "stop"
    field: str = "content"
    """Where in the server's message it stood."""


@runtime_checkable
class VisionModel(Protocol):
    """Anything that can be shown pictures and asked about them."""

    @property
    def info(self) -> ModelInfo:
        """What the timeline says about it."""
        ...

    @property
    def profile(self) -> ModelProfile:
        """What it can take."""
        ...

    async def ask(self, question: Question, ledger: Ledger) -> Reply:
        """Ask once, retrying what can heal; every request is reserved in the ledger before it leaves.

        Raises:
            BudgetExceededError: the ledger has no room for it.
            ModelUnavailableError: the endpoint is out of reach or refuses us, and will the next time.
            ModelError: this question got no answer.
        """
        ...


def text_tokens(text: str) -> int:
    """Estimate of the tokens of a text: four bytes each, as English averages in the usual vocabularies."""
    return ceil(len(text.encode()) / 4) + 4
