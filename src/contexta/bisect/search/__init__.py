"""Choose the next trial, or decide on the verdict. Pure."""
