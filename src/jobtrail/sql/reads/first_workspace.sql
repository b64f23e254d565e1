-- When this database's first workspace was made, to the microsecond: it tells one installation from another, and
-- outlives a dump.
select id::text || ' ' || extract(epoch from created_at)::text from jobtrail.workspaces order by id limit 1
