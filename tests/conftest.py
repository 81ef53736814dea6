"""What all tests share: where the footage is, and that nothing may be skipped in continuous integration."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

# The same examples every time, and no verdict on how fast a busy machine runs one of them.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The videos this project draws itself."""
    return ROOT / "samples"


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real, tricky and malformed footage, which does not come with the code."""
    folder = Path(os.environ.get("SCENELINE_TEST_MEDIA", ROOT.parent / "shared" / "media"))
    if not folder.is_dir():
        pytest.skip(f"no footage in {folder}; set SCENELINE_TEST_MEDIA")
    return folder


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", ()) if reporter else ()
    if skipped and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(
            f"\n{len(skipped)} skipped, and CI is set: nothing may be skipped there", red=True
        )
