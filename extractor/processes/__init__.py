"""Child processes: how they are started, and what they may do."""
