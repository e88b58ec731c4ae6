"""The files that a plan's geometry is written as; each function returns a file's bytes, equal for equal plans."""
