"""Child processes: how they are started, watched, measured and, with all their descendants, stopped."""
