-- Notes which jobs ($3, in their order) a step ($4) of a job has just started, so that the job may wait for them. One that
-- was there before ($7) may end right now: it is looked at once more after the commit.
with wanted as materialized (
  select needs_id, min(place)::integer as place from unnest($3::uuid[]) with ordinality as w (needs_id, place) group by needs_id
), noted as (
  insert into jobtrail.dependencies as d (workspace_id, job_id, needs_id, step_id, place, generation, wakes, met_at, met_as)
  select $1, $2, w.needs_id, $4, w.place, $5, $6, case when n.completed_at is not null then jobtrail.clock() end,
    case when n.completed_at is not null then n.status end
  from wanted w join jobtrail.jobs n on n.workspace_id = $1 and n.id = w.needs_id
  where n.workspace_id = $1 and n.id = any ($3::uuid[])
  on conflict (workspace_id, job_id, needs_id) do update set step_id = excluded.step_id, place = excluded.place,
    generation = excluded.generation, wakes = excluded.wakes, met_at = excluded.met_at, met_as = excluded.met_as
)
insert into jobtrail.settlements (workspace_id, job_id)
select $1, id from unnest($7::uuid[]) as there (id)
