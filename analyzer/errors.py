"""What the analyzer refuses, split by what the caller does next.

    AnalyzerError               the root; catch this to catch them all
    ├── AnalysisRequestError        the request cannot be met by this backend or makes no sense: fix the request
    ├── ModelError                  the model failed; what was found before is kept and the rest becomes gaps
    │   └── ModelUnavailableError       weights missing or damaged, endpoint unreachable or refusing us: fix the set-up
    └── BudgetExceededError         a limit given by the user was reached: raise it or accept the partial timeline

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


class BudgetExceededError(AnalyzerError):
    """A limit on money, requests or time was reached."""
