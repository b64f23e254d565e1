"""What one worker does for all, elected by a lease in the database: due jobs, lost jobs, retention, seals, statistics."""
