"""Record the input files that a program opens, without code in it."""
