"""How a type of job is run: the protocol, the context that a runner gets, discovery, and the built-in runners."""
