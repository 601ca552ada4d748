"""Pages to run the place: start, alerts, queue, people, messages."""
