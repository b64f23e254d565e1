-- Waits for the claims of a workspace that are under way, and keeps others out for this transaction.
select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 13))
