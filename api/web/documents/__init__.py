"""Pages about documents: lists, one document, upload."""
