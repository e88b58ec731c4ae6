"""What ministack 1.5.33 lacks, added by wrapping its functions as it starts; for ministack_child.py only.

Each patch says what is missing; tests/local_aws/test_ministack_patches.py fails once a newer ministack has it.
"""
