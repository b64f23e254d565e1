-- Takes the breaker of a type away, with the limit by which it held jobs; answers the type, no row where there was none.
with gone as (
  delete from jobtrail.breakers where workspace_id = $1 and type = $2 returning workspace_id, type
), freed as (
  delete from jobtrail.limits l using gone g where l.workspace_id = g.workspace_id and l.scope = 'TYPE'
    and l.name = g.type and l.source = 'BREAKER'
)
select type from gone
