"""Which methods reach which routes."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter


class Router(APIRouter):
    """Routes of which each that answers GET answers HEAD too (RFC 9110, section 9.1); the server leaves the body out.

    The OpenAPI page lists GET alone: what is true of it is true of HEAD.
    """

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add it, and where it is a GET, the same for HEAD."""
        super().add_api_route(path, endpoint, **options)
        if options.get("methods") == ["GET"]:
            hidden = {**options, "methods": ["HEAD"], "include_in_schema": False}
            super().add_api_route(path, endpoint, **hidden)
