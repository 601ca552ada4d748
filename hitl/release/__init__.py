"""What a client is told: released and amended results, and what may be done with a document."""
