"""Calls to strangers: the only room that makes them, and every one is checked first."""
