"""Reading: bytes to words, words to values."""
