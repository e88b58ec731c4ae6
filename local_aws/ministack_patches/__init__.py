"""What ministack 1.5.33 lacks, put into it as it starts; loaded by ministack_child.py only, inside ministack."""
