"""The runner `http`: calls a URL, and can wait for the answer to be called back. Only its runner is for others."""

from jobtrail.runners.http.runner import HttpRunner

__all__ = ["HttpRunner"]
