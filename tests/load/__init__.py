"""Many clients at once, over real connections to real web processes."""
