"""Names under which what a file states is kept with a reading and said to people."""

NOTE = "stated"  # in the provenance of a reading: what the file says, and whether it agrees
DIFFERS = "file_and_print_differ"
