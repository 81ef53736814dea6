"""The floor: PyAV decodes every frame on as many threads as there are cores, and nothing looks at them."""

from pathlib import Path

import av


def prepare(_variant: str) -> "Decoding":
    """Nothing to load."""
    return Decoding()


class Decoding:
    """Decodes, finds nothing."""

    def boundaries(self, path: Path) -> list[float]:
        """Decode to the end."""
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for _ in container.decode(stream):
                pass
        return []
