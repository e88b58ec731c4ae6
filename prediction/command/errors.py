"""What the command cannot do, said to the person who asked for it."""


class PredictionError(Exception):
    """The model cannot be used, or nothing be written; the message is one sentence. Exit status 1."""


class PredictionUsageError(Exception):
    """The command was asked for something that cannot be done; the message is one sentence. Exit status 2."""
