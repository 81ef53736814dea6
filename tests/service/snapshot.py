"""Writes the OpenAPI page that clients may rely on: ``make openapi``."""

import json
import tempfile
from pathlib import Path

from api.app import make_app
from api.places import opened
from api.settings import Settings


def main() -> None:
    with tempfile.TemporaryDirectory() as data, opened(Settings(data=Path(data))) as place:
        page = make_app(place, loopback_only=True).openapi()
    page["info"]["version"] = "any"
    text = json.dumps(page, indent=1, sort_keys=True, ensure_ascii=False)
    (Path(__file__).parent / "openapi.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
