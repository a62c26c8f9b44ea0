"""The database, SQLite or PostgreSQL: its tables, its migrations, one writer at a time."""
