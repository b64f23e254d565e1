"""Other systems' routes, under `/compat/`: their words, our verbs."""
