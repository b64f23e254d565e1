"""The database's own language: migrations, one statement a file in `verbs` and `reads`, and what is rendered."""
