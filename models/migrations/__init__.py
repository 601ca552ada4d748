"""The Alembic migrations of the tables in `models.tables`, shipped with the package and run by `hitl.db.migrate`."""
