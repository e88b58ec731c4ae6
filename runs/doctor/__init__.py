"""`python -m runs doctor`: whether a run can start now, by one small check for each thing that it needs."""
