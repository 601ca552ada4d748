"""E-invoices: what the XML in, beside or instead of a document says, read in a child without entities or network."""
