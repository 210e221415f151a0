"""Write a report for a terminal, or as Markdown, HTML or SVG."""
