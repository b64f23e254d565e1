"""The HTTP service: one table of routes, and what serves it. No SQL and no rule of its own: it calls the verbs."""
