"""Draws the sample videos and writes down what happens in them: `python samples/draw.py [OUTPUT_DIR]`.

Needs numpy, opencv-python-headless, pillow, av and scikit-image. Nothing is downloaded: the pictures come in
the scikit-image wheel, the letters in Pillow. The truth beside each video is computed from the same constants
that its frames are drawn from.

The pictures, and who gave them away (as scikit-image documents it in `skimage/data/_fetchers.py`):

    astronaut.png          Eileen Collins, NASA                    public domain
    hubble_deep_field.jpg  Hubble eXtreme Deep Field, NASA         public domain
    rocket.jpg             DSCOVR on a Falcon 9, SpaceX            public domain
    camera.png             the man with the camera, Lav Varshney   CC0
    chelsea.png            Chelsea the cat, Stefan van der Walt    CC0
    coffee.png             a cup of coffee, Rachel Michetti        CC0
    brick.png, grass.png   textures, CC0Textures and linolafett    CC0

Letters: Aileron Regular by Sora Sagano, CC0, as `PIL.ImageFont.load_default(size)` gives it.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from doorway import doorway
from films import Film
from lecture import lecture
from painting import encode
from tour import tour


def rounded(value: object) -> object:
    """The same value with every number in it rounded to four places."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value


def truth_text(film: Film) -> str:
    """What is true of a film, as its truth file holds it."""
    return json.dumps(rounded(asdict(film.truth)), indent=1, ensure_ascii=False) + "\n"


FILMS = (tour, lecture, doorway)


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for film in (make() for make in FILMS):
        video = directory / film.truth.video
        encode(film.draw, film.truth.duration_seconds, video)
        video.with_suffix(".truth.json").write_text(truth_text(film), encoding="utf-8")
        print(f"{video}: {film.truth.duration_seconds:.1f} s, {video.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
