"""The Alembic migrations of the tables in `models.tables`, run by `hitl.platform.db.migrate`."""
