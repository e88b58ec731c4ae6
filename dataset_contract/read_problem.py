"""Why a file cannot be read, as its system says it."""

import errno


def read_problem(error: OSError) -> str:
    """What ends the sentence "<path> cannot be read (...)".

    Raises:
        MemoryError: this process lacks memory, which says nothing of the file.
    """
    if error.errno == errno.ENOMEM:
        raise MemoryError(str(error)) from error
    return error.strerror or str(error)
