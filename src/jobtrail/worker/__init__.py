"""Claims attempts, runs them and ends them; keeps its lease, and keeps house with the other workers."""
