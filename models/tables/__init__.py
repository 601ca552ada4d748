"""SQLModel tables, one module per noun."""
