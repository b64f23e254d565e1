"""Pipelines written as data. `model`, `fields`, `parse` and `plan` are pure; the other modules run what was planned.

Nothing here knows the database: what happens goes to the worker through the desk of the runner's context.
"""
