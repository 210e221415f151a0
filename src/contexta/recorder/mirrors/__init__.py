"""Record values that a program logs to other trackers: one module per tracker.

The tracker itself works as without the recorder: its method runs first, with the arguments of the program, and nothing
that fails in the recorder reaches the program. Values wait in memory for a tenth of a second at most, so a call of the
program takes less than a microsecond longer.
"""
