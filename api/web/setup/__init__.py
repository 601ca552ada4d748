"""Pages that set a workspace up: document types, policies, access, vendors, retention."""
