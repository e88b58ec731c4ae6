"""An answer with which a service of the AWS in memory refuses a call."""


class ApiError(Exception):
    """`code` and message as AWS gives them."""

    def __init__(self, code: str, message: str = "no", status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status
