-- Appends chunks of log lines of attempts that are open; answers the attempts that were. Arrays run side by side.
with open as materialized (
  select workspace_id, id, attempt_id from jobtrail.jobs
  where workspace_id = any ($1::uuid[]) and id = any ($2::uuid[]) and attempt_id = any ($3::uuid[]) and status = 'RUNNING'
  order by id for share
), written as (
  insert into jobtrail.log_chunks (workspace_id, job_id, attempt_id, step_id, first_line, lines, levels,
    correlation_ids, body)
  select o.workspace_id, o.id, o.attempt_id, c.step_id, c.first_line, c.lines,
    array(select jsonb_array_elements_text(c.levels::jsonb)),
    array(select jsonb_array_elements_text(c.correlation_ids::jsonb)), c.body
  from unnest($3::uuid[], $4::uuid[], $5::int8[], $6::int4[], $7::text[], $8::text[], $9::text[])
    as c (attempt_id, step_id, first_line, lines, levels, correlation_ids, body)
  join open o on o.attempt_id = c.attempt_id
)
select attempt_id from open
