"""Everything the environment may say, read once and frozen. No other module reads the environment."""

from functools import lru_cache

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Set through variables named ``SCENELINE_`` + the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="SCENELINE_", frozen=True, use_attribute_docstrings=True)

    debug: bool = False
    """Show the traceback of an unexpected error."""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read on the first call."""
    return Settings()
