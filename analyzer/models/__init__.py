"""The backends, one module or package each. Each fulfils a protocol of the stage that calls it."""

from analyzer.models.local import LocalModel
from analyzer.models.openai import Endpoint, OpenAIModel, RetryPolicy, find_profile, open_model, with_profile
from analyzer.models.scripted import ScriptedModel

__all__ = [
    "Endpoint",
    "LocalModel",
    "OpenAIModel",
    "RetryPolicy",
    "ScriptedModel",
    "find_profile",
    "open_model",
    "with_profile",
]
