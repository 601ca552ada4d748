"""What a workspace already knows of its vendors: confirmed values, master data, spelling."""
