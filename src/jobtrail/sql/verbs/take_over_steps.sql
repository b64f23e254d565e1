-- Gives a new job ($3) completed steps of the one that it is a fork of ($2): the steps $4 under the ids $5, with what they
-- returned and what was decided at their gates. What they used was used there; one event names them. An approval that was
-- asked for in a later generation stands where the first one looks for it.
with source as (
  select s.*, w.id as new_id, case when g.generation > 1 and exists (select from jobtrail.gates q
      where q.workspace_id = $1 and q.step_id = s.id)
    then regexp_replace(s.key, '@(' || array_to_string(array(select generate_series(2, g.generation)), '|') || ')$', '')
    else s.key end as new_key
  from unnest($4::uuid[], $5::uuid[]) as w (source, id)
  join jobtrail.steps s on s.workspace_id = $1 and s.job_id = $2 and s.id = w.source
  join jobtrail.jobs g on g.workspace_id = $1 and g.id = $2
  where s.status = 'COMPLETED'
), taken as (
  insert into jobtrail.steps (workspace_id, job_id, id, ordinal, key, name, phase, type, status, output, completed_at,
    duration_ms)
  select workspace_id, $3, new_id, ordinal, new_key, name, phase, type, 'COMPLETED', output, completed_at, duration_ms
  from source
  returning id, ordinal, key, output
), asked as (
  select s.new_id as new_step_id, g.id as old_id, g as gate, (substr(md5(s.new_id::text || g.id), 1, 12) || '7'
    || substr(md5(s.new_id::text || g.id), 14, 3) || '8' || substr(md5(s.new_id::text || g.id), 18, 15))::uuid as new_id
  from source s join jobtrail.gates g on g.workspace_id = $1 and g.step_id = s.id and g.job_id = $2
  where g.status <> 'WAITING'
), gates as (
  insert into jobtrail.gates select (jsonb_populate_record(gate, jsonb_build_object('id', new_id, 'step_id', new_step_id,
    'job_id', $3::uuid))).* from asked
), decided as (
  insert into jobtrail.gate_decisions
  select (jsonb_populate_record(d, jsonb_build_object('gate_id', a.new_id))).*
  from asked a join jobtrail.gate_decisions d on d.workspace_id = $1 and d.gate_id = a.old_id
)
update jobtrail.jobs j set event = 'job.updated', step_id = null, actor_type = $6::text::jobtrail.actor_type, actor_id = $7,
  note = jsonb_build_object('from_job', $2::uuid, 'taken_over', t.steps)
from (select jsonb_agg(jsonb_build_object('id', id, 'key', key, 'output_sha256',
    case when output is not null then encode(sha256(convert_to(output::text, 'UTF8')), 'hex') end) order by ordinal) as steps
  from taken) t
where j.workspace_id = $1 and j.id = $3 and t.steps is not null
