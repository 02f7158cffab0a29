"""The exception of the regeneration scripts."""


class RegenerationError(Exception):
    """Regenerating failed; no file was changed.

    Args:
        message: One line that says what failed and what to do.
        details: A line for each problem, if there are several.
    """

    def __init__(self, message: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.details = details
