"""Why a plan gets no answer: each error's text is one sentence for a person."""

# ruff: noqa: N818 - the class name is what a person reads in the log and with a dead letter


class PlanRefused(Exception):
    """The plan or the request cannot be served as it is: trying again changes nothing."""

    def __init__(self, sentence: str, *, status: int = 400) -> None:
        """`status`: of HTTP."""
        super().__init__(sentence)
        self.status = status


class NoApprovedModel(Exception):
    """The registry has no approved model, or one that cannot be used: a person must approve another one."""
