"""How a key is shown, as the OpenAPI page tells it. It is looked at in ``guarding``; nothing is refused here."""

from typing import Any, Final

from fastapi import Depends, FastAPI
from fastapi.security import APIKeyCookie, HTTPBearer

from api.routes.guarding import COOKIE

_HEADER = HTTPBearer(scheme_name="key", description="A key made with `sceneline keys add`.", auto_error=False)
_COOKIE = APIKeyCookie(
    name=COOKIE,
    scheme_name="cookie",
    description="The same key as `POST /v1/session` leaves it, for the web page.",
    auto_error=False,
)
KEY: Final = (Depends(_HEADER), Depends(_COOKIE))
"""Declares an operation to ask for a key, shown either way."""


class Application(FastAPI):
    """One whose keys may be done without: a server that has none answers whoever is on its machine."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI page, made once."""
        if self.openapi_schema is None:
            for operations in super().openapi()["paths"].values():
                for operation in operations.values():
                    if "security" in operation:
                        operation["security"].append({})
        return super().openapi()
