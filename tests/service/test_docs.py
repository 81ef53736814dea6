"""The documentation says what is so."""

from pathlib import Path

from api.reference import configuration_reference

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_configuration_reference_is_the_code() -> None:
    assert (DOCS / "configuration.md").read_text("utf-8") == configuration_reference(), "run `make reference`"


def test_every_setting_says_what_it_means() -> None:
    rows = configuration_reference().splitlines()[7:]
    assert rows
    assert all(len(row.split(" | ")[2]) > 15 for row in rows)
