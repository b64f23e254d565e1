"""Jobtrail: durable, audited jobs on PostgreSQL."""
