"""Line items: which lines are rows, which words are cells."""
