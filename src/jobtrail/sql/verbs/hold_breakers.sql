-- Holds the breakers of types that count by themselves, those of $1 and $2 or, without them, all whose time may have come; answers whose.
select b.workspace_id, b.type from jobtrail.breakers b
where b.mode = 'AUTO' and case when $1::uuid[] is null
  then b.state = 'OPEN' and b.state_at + make_interval(secs => b.open_seconds) <= jobtrail.clock()
  else (b.workspace_id, b.type) in (select * from unnest($1::uuid[], $2::text[])) end
order by b.workspace_id, b.type for update
