"""From words to field values."""
