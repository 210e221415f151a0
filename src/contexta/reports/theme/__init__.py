"""The look of HTML: colours, style sheet, and the search script of reports."""
