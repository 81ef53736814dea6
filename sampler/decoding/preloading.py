"""Importing everything that FFmpeg's bindings would import on the way."""

import pkgutil
from importlib import import_module

import av


def preload() -> None:
    """Import every module of PyAV, for a process that will not be able to open one later."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
