"""The rows of human work, and which answers count as ground truth."""
