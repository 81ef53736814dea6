"""Where the model is and how it may be called. Read once, checked once; its key never shows."""

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from analyzer.errors import AnalysisRequestError

_COMPLETIONS = "/chat/completions"
_OPENROUTER = "openrouter.ai"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible server, the model to ask there, and how hard it may be pressed."""

    base_url: str
    """Up to and including the version: ``https://openrouter.ai/api/v1``."""
    model: str
    """As the server names it; may hold slashes and colons."""
    api_key: str | None = field(default=None, repr=False)
    concurrency: int = 8
    """Requests under way at once."""
    connect_seconds: float = 10.0
    send_seconds: float = 60.0
    answer_seconds: float = 180.0
    """Longest silence while waiting for the answer."""

    def __post_init__(self) -> None:
        """Refuse what no request can be sent to."""
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise AnalysisRequestError(
                f"{self.shown_url!r} is not the address of a model server; "
                "give one such as https://openrouter.ai/api/v1"
            )
        if not self.model:
            raise AnalysisRequestError("no model is named; give one such as qwen/qwen3-vl-32b-instruct")
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable()):
            raise AnalysisRequestError("the API key holds characters no key has; check how it was pasted")
        if self.concurrency < 1:
            raise AnalysisRequestError(f"{self.concurrency} requests at once get nothing done; at least 1")

    @property
    def completions_url(self) -> str:
        """Where questions are posted."""
        parts = urlsplit(self.base_url)
        path = parts.path.rstrip("/").removesuffix(_COMPLETIONS) + _COMPLETIONS
        return urlunsplit(parts._replace(path=path, fragment=""))

    @property
    def shown_url(self) -> str:
        """The base address without anything secret: no user, password, query."""
        parts = urlsplit(self.base_url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))

    @property
    def is_openrouter(self) -> bool:
        """Whether OpenRouter's own fields and headers are understood there."""
        host = urlsplit(self.base_url).hostname or ""
        return host == _OPENROUTER or host.endswith(f".{_OPENROUTER}")

    @property
    def headers(self) -> dict[str, str]:
        """Sent with every request."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        if self.is_openrouter:
            headers |= {"HTTP-Referer": "app://sceneline", "X-Title": "sceneline"}
        return headers

    def without_secrets(self, text: str) -> str:
        """The text with the key, and what else is secret in the address, taken out, should a server have echoed it."""
        parts = urlsplit(self.base_url)
        secrets = {
            self.api_key,
            parts.password or parts.username,
            *(value for _, value in parse_qsl(parts.query)),
        }
        if parts.password is not None:  # as it is sent: "Authorization: Basic …"
            pair = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
            secrets |= {unquote(parts.password), b64encode(pair.encode()).decode()}
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, "[key]")
        return text
