"""The one exception of the regeneration scripts."""


class RegenerationError(Exception):
    """Regenerating cannot go on; nothing was changed. Its text is one line that says what to do."""
