"""What is not a plan that can be read."""


class PlanError(Exception):
    """One plan cannot be predicted on; the message ends the sentence "<plan> ..."."""
