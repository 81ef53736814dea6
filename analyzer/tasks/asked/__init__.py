"""The tasks as they are put to a vision-language model, one module each.

Every module says what is asked of a batch (``inquire``) and makes one result of what all batches answered
(``conclude``). Answers cite keyframes; ``Axis`` puts seconds to them.
"""
