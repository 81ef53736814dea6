"""FFmpeg's scene filter at the threshold most recipes use, in the FFmpeg that PyAV brings along."""

from pathlib import Path

import av
from av.filter import Graph

_SELECT = "gt(scene,0.3)"


def prepare(_variant: str) -> "SceneFilter":
    """Nothing to load."""
    return SceneFilter()


class SceneFilter:
    """``select='gt(scene,0.3)'``: what passes begins a shot."""

    def boundaries(self, path: Path) -> list[float]:
        """Times of the frames that pass."""
        found: list[float] = []
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            zero = (container.start_time or 0) / av.time_base
            graph = Graph()
            source = graph.add_buffer(template=stream)
            select = graph.add("select", _SELECT)
            sink = graph.add("buffersink")
            source.link_to(select)
            select.link_to(sink)
            graph.configure()
            for frame in container.decode(stream):
                graph.push(frame)
                found += _passed(graph, zero)
            graph.push(None)
            found += _passed(graph, zero)
        return found


def _passed(graph: Graph, zero: float) -> list[float]:
    times = []
    while True:
        try:
            frame = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return times
        times.append(frame.time - zero)
