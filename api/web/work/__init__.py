"""Pages where people work: keying, review, training tasks."""
