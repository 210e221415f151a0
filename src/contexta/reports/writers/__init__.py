"""Write a report as HTML, Markdown or SVG."""
