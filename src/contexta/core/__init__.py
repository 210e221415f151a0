"""Parts that every package uses: errors, references, validation, settings, child processes and process trees."""
