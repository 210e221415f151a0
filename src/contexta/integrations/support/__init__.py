"""Parts of plugins: the recording of tests for pytest, and the errors of the drop-in modules."""
