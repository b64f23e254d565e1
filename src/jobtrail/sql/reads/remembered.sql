-- What an attempt must know of those before it: steps that ended, and what was decided at gates.
select s.key, s.id as step_id, s.status::text, s.output::text, g.status::text as gate_status,
  (select jsonb_agg(jsonb_build_object('actor', d.actor_id, 'approved', d.approved, 'comment', d.comment, 'form', d.form)
    order by d.at, d.number) from jobtrail.gate_decisions d where d.workspace_id = $1 and d.gate_id = g.id
      and d.superseded_at is null)::text as decisions,
  g.on_expire::text as on_expire
from jobtrail.steps s left join jobtrail.gates g on g.workspace_id = s.workspace_id and g.step_id = s.id
where s.workspace_id = $1 and s.job_id = $2
