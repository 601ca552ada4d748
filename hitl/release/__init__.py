"""What a client is told: released and amended results, webhooks, and what may be done with a document."""
