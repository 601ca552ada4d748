"""Which document type a document is, and how far that can be believed."""
