"""The one exception of the regeneration scripts."""


class RegenerationError(Exception):
    """Regenerating cannot go on; nothing was changed.

    Args:
        message: One line that says what to do.
        details: What it is about, a line for each, when that is more than one thing.
    """

    def __init__(self, message: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.details = details
