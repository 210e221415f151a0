"""One module per format of another tool: from files to descriptions of runs. Nothing is executed or unpickled."""
