"""A file becomes pages with words: triage, rendering, text layers, turning, lines."""
