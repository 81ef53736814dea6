"""Runs the whole path, from a file to its timeline document, with local models that are loaded once."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer import LocalModel, Timeline
from api import pipeline
from api.documents import timeline_document
from api.schemas import timeline_request
from sampler import VideoFile
from tests.invariants import assert_valid_timeline

SAMPLE_TASKS = ("events", "text", "objects", "describe")
"""What is asked of every sample, so that each is looked at once for all tests."""

Document = dict[str, Any]
Analyze = Callable[..., Document]


@pytest.fixture(scope="session")
def model() -> LocalModel:
    """The local models, loaded once for all these tests."""
    return LocalModel()


@pytest.fixture(scope="session")
def analyze(model: LocalModel) -> Analyze:
    """Give the timeline document of a video; it holds everything that always holds, or the test fails."""

    async def last_step(path: Path, options: dict[str, object]) -> Timeline:
        request = timeline_request(**options)
        async with aclosing(pipeline.analyze(VideoFile(path), request, model)) as steps:
            (timeline,) = [step async for step in steps if isinstance(step, Timeline)]
            return timeline

    @cache
    def document_of(path: Path, **options: object) -> Document:
        document = timeline_document(asyncio.run(last_step(path, options)))
        assert_valid_timeline(document)
        return document

    return document_of
