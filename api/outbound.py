"""Requests to addresses that strangers name: to public hosts only, only so much, only so long.

A host is looked up once, every address it has is checked, and the connection goes to a checked address:
a second look-up cannot lead elsewhere. Each redirect is checked like the first address.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import httpcore

from api.errors import RefusedError
from api.uploads import too_large

CONNECT_SECONDS = 10.0
MESSAGE_SECONDS = 60.0
"""How long a message may take in all."""
SILENCE_SECONDS = 30.0
"""How long the other side may say nothing."""
MOST_REDIRECTS = 4
_ANYTHING = {"Accept": "*/*", "Accept-Encoding": "identity"}
"""Asked of a host for a file as it is: who does not say how it may be packed may get it packed in any way."""
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "3fff::/20", "5f00::/16", "64:ff9b:1::/48")
)
"""Protocol assignments, 6to4 relays, site-local, documentation, segment routing, local NAT64; Python knows some."""
_ISATAP = (0x00005EFE, 0x02005EFE)
"""What stands before an IPv4 address in the second half of an ISATAP address (RFC 5214)."""
_AZURE_HOST = ipaddress.ip_address("168.63.129.16")
"""A public address that leads to the host's own services in Azure."""
_AS_THEY_ARE = "/%:@!$&'()*+,=~?"
"""Signs a URL may hold in its path and query (RFC 3986): in a query ``+`` is a blank to many, and ``%2B`` is not.
Without ``;``, behind which httpcore leaves out the rest of a path.
"""
_REDIRECTS = frozenset((301, 302, 303, 307, 308))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: Address) -> bool:
    """Whether an address, and every IPv4 address folded into it, is one of the open internet."""
    return all(
        each.is_global
        and not each.is_multicast
        and not each.is_reserved
        and each != _AZURE_HOST
        and not any(each in network for network in _NOT_PUBLIC)
        for each in (address, *_folded(address))
    )


def _folded(address: Address) -> Iterator[Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    isatap = int(address) >> 32 & 0xFFFFFFFF in _ISATAP
    if isatap or address in _NAT64 or address in _COMPATIBLE:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Outbound:
    """Makes such requests."""

    trusted_hosts: frozenset[str] = frozenset()
    """Hosts the operator allows though they are not public."""

    def check(self, url: str) -> None:
        """See that this is an address we would call; the host is looked up later.

        Raises:
            RefusedError: it is not http or https, carries a password, names no host, or one that is never public.
        """
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
            _ascii(url)
        except ValueError as error:
            raise RefusedError(422, "url_refused", f"this is no URL: {error}") from error
        if parts.scheme not in _PORTS or not host:
            raise RefusedError(
                422, "url_refused", "a URL must begin with http:// or https:// and name a host"
            )
        if parts.username is not None or parts.password is not None:
            raise RefusedError(422, "url_refused", "a URL must not carry a user name or password")
        if any(ord(sign) <= 32 or ord(sign) == 127 for sign in url):
            raise RefusedError(422, "url_refused", "a URL must not hold blanks; write %20")
        if host not in self.trusted_hosts and _is_never_public(host):
            raise _not_open(host)

    def fetch(self, url: str, *, most_bytes: int, most_seconds: float) -> Iterator[bytes]:
        """The body at a URL in pieces, following redirects.

        Raises:
            RefusedError: the address is not ours to call, cannot be reached, or answers with an error,
                with too much, or too slowly.
        """
        until = time.monotonic() + most_seconds
        for _ in range(MOST_REDIRECTS + 1):
            with self._answer("GET", url, _ANYTHING, None, until) as response:
                if response.status in _REDIRECTS:
                    url = urljoin(url, _location(response))
                    continue
                if response.status != 200:
                    raise RefusedError(422, "url_failed", f"the URL answers with status {response.status}")
                received = 0
                for piece in response.iter_stream():
                    received += len(piece)
                    if received > most_bytes:
                        raise too_large(most_bytes)
                    if time.monotonic() > until:
                        raise RefusedError(422, "url_failed", f"not fetched within {most_seconds:.0f} s")
                    yield piece
                return
        raise RefusedError(422, "url_failed", f"more than {MOST_REDIRECTS} redirects")

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a message; the status of the answer. Redirects are not followed.

        Raises:
            RefusedError: the address is not ours to call, or cannot be reached.
        """
        with self._answer("POST", url, headers, body, time.monotonic() + MESSAGE_SECONDS) as response:
            return response.status

    @contextmanager
    def _answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, until: float
    ) -> Iterator[httpcore.Response]:
        self.check(url)
        target = _ascii(url)
        sent = {"Host": urlsplit(target).netloc.decode(), "User-Agent": "sceneline", **headers}
        silence = {"connect": CONNECT_SECONDS, "read": SILENCE_SECONDS, "write": SILENCE_SECONDS, "pool": 1.0}
        backend = _CheckedBackend(self.trusted_hosts, until)
        answered = False
        try:
            with (
                httpcore.ConnectionPool(network_backend=backend, retries=1) as pool,
                pool.stream(
                    method,
                    target,
                    headers=[(name.encode(), value.encode()) for name, value in sent.items()],
                    content=body,
                    extensions={"timeout": silence},
                ) as response,
            ):
                answered = True
                yield response
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            reason = str(error) or type(error).__name__
            what = "what the URL answers breaks off" if answered else "the URL cannot be reached"
            raise RefusedError(422, "url_failed", f"{what} ({reason})") from error


class _TimedStream(httpcore.NetworkStream):
    """A connection that ends at a moment, however slowly the other side goes on saying something."""

    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self._inner = inner
        self._until = until

    def _left(self, timeout: float | None) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("it took too long in all")
        return left if timeout is None else min(timeout, left)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what there is."""
        return self._inner.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._inner.write(buffer, self._left(timeout))

    def close(self) -> None:
        """Hang up."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Encrypt what follows."""
        inner = self._inner.start_tls(ssl_context, server_hostname, self._left(timeout))
        return _TimedStream(inner, self._until)

    def get_extra_info(self, info: str) -> Any:
        """Of the connection."""
        return self._inner.get_extra_info(info)


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and to nothing else."""

    def __init__(self, trusted_hosts: frozenset[str], until: float) -> None:
        self._trusted = trusted_hosts
        self._until = until
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Look the host up, check every address, connect to the first."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
        if host not in self._trusted:
            for address in addresses:
                if not is_public(ipaddress.ip_address(address)):
                    raise _not_open(host)
        stream = self._inner.connect_tcp(addresses[0], port, timeout, local_address, socket_options)
        return _TimedStream(stream, self._until)

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002 - the signature is httpcore's
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """No file of this machine is a host."""
        raise _not_open(path)


def _is_never_public(host: str) -> bool:
    """Whether it can be told without looking it up that a host is not one of the open internet."""
    if f".{host}".rstrip(".").endswith(".localhost"):
        return True
    try:
        return not is_public(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return False


def _not_open(host: str) -> RefusedError:
    advice = "SCENELINE_TRUSTED_HOSTS names those that are called all the same"
    return RefusedError(422, "url_refused", f"{host} is not a host of the open internet; {advice}")


def name_in(url: str) -> str:
    """The last part of a URL's path: what a fetched file is called."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _ascii(url: str) -> bytes:
    """The URL with its host in the form the network knows, what else it may not hold percent-encoded, and without what
    follows a ``#``, which is not for servers.
    """
    parts = urlsplit(url)
    host = parts.netloc.encode("idna").decode()
    path, query = quote(parts.path, _AS_THEY_ARE), quote(parts.query, _AS_THEY_ARE)
    quoted = parts._replace(netloc=host, path=path, query=query, fragment="")
    return quoted.geturl().encode("ascii")


def _location(response: httpcore.Response) -> str:
    """Where a redirect leads; percent-encoded where a server has written what no URL may hold, which browsers bear."""
    said = next((value for key, value in response.headers if key.lower() == b"location"), b"")
    return quote(said, _AS_THEY_ARE + "#[]")
