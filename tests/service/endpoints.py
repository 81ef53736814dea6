"""Somebody who wants to be told of finished jobs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.hosting import Handler, hosting


@dataclass
class Endpoint:
    """Takes webhooks; the first so many are refused."""

    refuse: int
    url: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def until_taken(self, times: int, seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while len(self.taken) < times:
            assert time.monotonic() < until, len(self.taken)
            time.sleep(0.05)


@contextmanager
def endpoint(refuse: int = 0) -> Iterator[Endpoint]:
    told = Endpoint(refuse)

    class Hook(Handler):
        def respond(self) -> None:
            told.taken.append(({k.lower(): v for k, v in self.headers.items()}, self.body()))
            told.refuse -= 1
            self.answer(500 if told.refuse >= 0 else 204)

    with hosting(Hook) as url:
        told.url = f"{url}/hook"
        yield told
