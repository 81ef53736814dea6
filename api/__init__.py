"""The world's side: command line, exports, and the one path from a video to its timeline.

Importing this package imports nothing else, so that ``sceneline --help`` answers at once.
"""

__all__: list[str] = []
