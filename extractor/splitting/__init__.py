"""A file that holds several documents: where one ends and the next begins, learned from stacks of pages."""
