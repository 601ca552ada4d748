"""What labels on a page say, whatever the language: words beside values, by the name of what they name."""
