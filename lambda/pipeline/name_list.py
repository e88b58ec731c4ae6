"""Names in a sentence: the first few of them, so that no data set or bucket floods a message."""

from collections.abc import Sequence

from dataset_contract.sanitise import sanitise


def name_list(names: Sequence[str], *, most: int = 5) -> str:
    """`names`, or the first `most` and how many more there are; each of at most 100 characters."""
    shown = [sanitise(name, longest=100) for name in names[:most]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
