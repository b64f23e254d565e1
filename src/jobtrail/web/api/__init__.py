"""What the routes do, one module a noun. Each handler reads its request, calls verbs and answers a value."""
