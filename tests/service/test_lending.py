"""Models that outlive a job: however many names requests think of, few are held."""

from contextlib import ExitStack, closing

from analyzer import Endpoint, OpenAIModel, Perceiver, VisionModel, find_profile
from api.lending import MOST_REMOTE, LoadedModels
from api.schemas import TimelineRequest
from tests.service.conftest import SeesACat


class Opening(LoadedModels):
    """Counts what it opens, and what it closes."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[Perceiver | VisionModel] = []
        self.closed: list[str] = []

    def _open(self, request: TimelineRequest) -> Perceiver | VisionModel:
        remote = request.backend == "openai"
        self.opened.append(Closing(request.model or "", self.closed) if remote else SeesACat())
        return self.opened[-1]


class Closing(OpenAIModel):
    def __init__(self, name: str, closed: list[str]) -> None:
        super().__init__(Endpoint("http://127.0.0.1:9/v1", name), find_profile(name))
        self._name = name
        self._closed = closed

    async def aclose(self) -> None:
        await super().aclose()
        self._closed.append(self._name)


def test_local_models_are_held_once_whatever_requests_call_them() -> None:
    with closing(Opening()) as models:
        for request in (
            *(TimelineRequest(model=f"m{number}") for number in range(5)),
            TimelineRequest(backend="local"),
        ):
            with models.lent(request) as model:
                assert model is models.opened[0]
            assert not models.is_remote(request)
        with models.lent(TimelineRequest()) as first, models.lent(TimelineRequest()) as second:
            assert first is not second, "it serves one job at a time"


def test_of_remote_models_the_last_few_stay_and_none_that_is_asked_goes() -> None:
    with closing(Opening()) as models, ExitStack() as at_work:
        asked = at_work.enter_context(models.lent(TimelineRequest(backend="openai", model="asked")))
        for number in range(3 * MOST_REMOTE):
            assert models.is_remote(TimelineRequest(backend="openai", model=f"m{number}"))
        models.run(_nothing())
        assert len(models.closed) == 2 * MOST_REMOTE + 1
        assert "asked" not in models.closed
        with models.lent(TimelineRequest(backend="openai", model="asked")) as again:
            assert again is asked
        opened = len(models.opened)
        assert models.is_remote(TimelineRequest(backend="openai", model=f"m{3 * MOST_REMOTE - 1}"))
        assert len(models.opened) == opened


async def _nothing() -> None:
    """What was begun on the loop before has had its turn."""
