"""One module per kind of fact about a process and its machine. A probe returns facts and notes, and never raises."""
