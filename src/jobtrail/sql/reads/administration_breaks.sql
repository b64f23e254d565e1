-- Where the chain of a workspace's record of administration does not hold ($1; null: of all that the scope sees).
-- `missing`: the lines before it are not there; otherwise the line is not as it was written.
select b.workspace_id, b.number, b.missing from (
  select e.workspace_id, e.number, e.number <> coalesce(lag(e.number) over chain, 0) + 1 as missing,
    e.hash <> jobtrail.administration_link(coalesce(lag(e.hash) over chain, ''), e) as wrong
  from jobtrail.administration_events e where $1::uuid is null or e.workspace_id = $1
  window chain as (partition by e.workspace_id order by e.number)
) b where b.missing or b.wrong
order by b.workspace_id, b.number limit $2
