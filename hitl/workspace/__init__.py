"""What a workspace has set: its document types, policies, master data and the model that serves it."""
