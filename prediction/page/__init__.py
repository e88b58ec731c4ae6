"""`python -m prediction serve`: a page on this machine that shows walls and rooms over a plan."""
