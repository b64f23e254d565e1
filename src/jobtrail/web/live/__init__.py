"""Live streams: one reader of the tables a process, any number of listeners. It yields bytes and knows no web framework."""
