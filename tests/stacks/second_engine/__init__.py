"""The synthesised state machine on a second interpreter, with the real handlers and an AWS in memory.

tests/local_aws and tests/end_to_end run it on ministack; this one is faster and can imitate what ministack cannot.
"""
