"""Parts that every package uses: errors, references, validation, settings, file locks and child processes."""
