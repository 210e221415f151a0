"""Keep trials apart: copies of the source, private homes, and changes of the user's home."""
