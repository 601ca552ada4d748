"""What a page prints for machines: payment codes, and the lines of identity papers; what they say of fields."""
