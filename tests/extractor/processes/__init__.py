"""Child processes: started from nowhere else, ended with their parent, confined."""
