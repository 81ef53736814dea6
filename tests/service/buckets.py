"""A real S3 server from a package, with one bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from moto.server import ThreadedMotoServer

_SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=key/x/us-east-1/s3/aws4_request"}


@dataclass(frozen=True)
class Bucket:
    """The bucket ``bucket``; ``env`` holds the variables that lead to it."""

    url: str
    env: dict[str, str]

    def put(self, key: str, data: bytes) -> None:
        httpx.put(f"{self.url}/bucket/{quote(key)}", content=data, headers=_SIGNED).raise_for_status()


@contextmanager
def s3() -> Iterator[Bucket]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    env = {
        "AWS_ENDPOINT": url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }
    httpx.put(f"{url}/bucket", headers=_SIGNED).raise_for_status()
    try:
        yield Bucket(url, env)
    finally:
        server.stop()
