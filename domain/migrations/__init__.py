"""Alembic's environment: run by core.db.migrate under the admin role, never by the app."""
