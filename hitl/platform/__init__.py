"""What every room stands on: database, blobs, jobs, moves of state, keys of repetition, backups."""
