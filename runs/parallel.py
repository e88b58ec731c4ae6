"""Does the same with many objects of the bucket at a time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

CONNECTIONS = 10
"""As many as a client of boto3 keeps."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(do: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """What `do` returns for each item, in their order. Raises the first error that it raises, and begins no more."""
    pool = ThreadPoolExecutor(CONNECTIONS)
    try:
        yield from pool.map(do, items)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C or an error, do not finish what waits
