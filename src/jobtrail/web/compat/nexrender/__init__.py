"""The routes of a nexrender server, so that its own workers and its own client use our queue as they are."""
