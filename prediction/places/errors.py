"""What is not where somebody said it is, or cannot be had from there."""


class PlaceError(Exception):
    """The place cannot be used; the message is one sentence that names it and says what to do."""
