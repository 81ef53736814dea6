"""What the analyzer refuses, split by what the caller does next.

    AnalyzerError               the root; catch this to catch them all
    ├── AnalysisRequestError        this backend cannot do it, or it makes no sense: fix the request
    ├── ModelError                  the model failed; what was found is kept and the rest becomes gaps
    │   ├── ModelUnavailableError       weights missing or damaged, endpoint down or refusing: fix it
    │   │   └── UnreachedError              out of reach, and a limit let us try no further: try once more
    │   ├── UnusableAnswerError         an answer that does not fit: ask once more, then give up
    │   └── QuestionTooLargeError       more pictures or text than the model takes: show it less
    └── BudgetExceededError         a limit of the user was reached: raise it or accept what there is
        └── TurnedAwayError             and the last request only met a server that says when to come back

Every message is one line that says what is wrong and what to do about it.
"""


class AnalyzerError(Exception):
    """Root of everything the analyzer raises on purpose."""


class AnalysisRequestError(AnalyzerError):
    """The request asks for something this backend cannot do, or contradicts itself."""


class ModelError(AnalyzerError):
    """A model gave no usable answer."""


class ModelUnavailableError(ModelError):
    """The model cannot be reached or loaded at all."""


class UnreachedError(ModelUnavailableError):
    """Nobody answered at the address, and a limit of the user allows no other try; the next may do better."""


class UnusableAnswerError(ModelError):
    """The model said something else than was asked for; the message tells it what was wrong."""


class QuestionTooLargeError(ModelError):
    """The model takes fewer pictures or less text at a time; the same may be asked in smaller parts."""


class BudgetExceededError(AnalyzerError):
    """A limit on money, requests or time was reached."""


class TurnedAwayError(BudgetExceededError):
    """A limit was reached by a request that a busy server turned away: nothing is said against asking once more."""
