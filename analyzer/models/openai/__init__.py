"""Any vision-language model behind an OpenAI-compatible endpoint."""

from pathlib import Path

import httpx

from analyzer.models.openai.client import OpenAIModel
from analyzer.models.openai.endpoint import Endpoint
from analyzer.models.openai.profiles import find_profile, with_profile
from analyzer.models.openai.recording import RecordingTransport, ReplayTransport
from analyzer.models.openai.retries import RetryPolicy

__all__ = ["Endpoint", "OpenAIModel", "RetryPolicy", "find_profile", "open_model", "with_profile"]


def open_model(
    endpoint: Endpoint,
    *,
    profiles: Path | None = None,
    record: Path | None = None,
    replay: Path | None = None,
) -> OpenAIModel:
    """The model at an endpoint, to be closed by the caller.

    ``profiles`` is a file of the user's own model profiles, ``record`` a folder that keeps every exchange
    and is asked first, ``replay`` a folder that answers in place of the network.

    Raises:
        AnalysisRequestError: the profiles make no sense.
    """
    profile = find_profile(endpoint.model, profiles)
    if replay is not None:
        return OpenAIModel(endpoint, profile, transport=ReplayTransport(replay), sleep=_at_once)
    if record is not None:
        network = httpx.AsyncHTTPTransport(http2=False)
        return OpenAIModel(endpoint, profile, transport=RecordingTransport(record, network, endpoint))
    return OpenAIModel(endpoint, profile)


async def _at_once(_seconds: float) -> None:
    """A replay waits for nobody."""
