-- Like log_lines, from the last one backwards.
select c.first_line + l.place - 1 as number, c.attempt_id, c.step_id, l.line as said
from jobtrail.log_chunks c cross join lateral string_to_table(c.body, E'\n') with ordinality as l (line, place)
where c.workspace_id = $1 and c.job_id = $2 and c.first_line < $4 and c.first_line >= coalesce((
    select b.first_line from jobtrail.log_chunks b
    where b.workspace_id = $1 and b.job_id = $2 and b.first_line <= $3 order by b.first_line desc limit 1), 0)
  and c.first_line + l.place - 1 >= $3 and c.first_line + l.place - 1 < $4
  and ($5::uuid is null or c.attempt_id = $5) and ($6::uuid is null or c.step_id = $6)
  and ($7::text[] is null or c.levels && $7) and ($7 is null or l.line::jsonb ->> 'level' = any ($7))
  and ($8::text[] is null or l.line::jsonb ->> 'source' = any ($8))
  and ($9::text is null or strpos(lower(c.body), lower($9)) > 0)
  and ($9 is null or strpos(lower(l.line), lower($9)) > 0)
  and ($9 is null or strpos(lower((l.line::jsonb - '{at,level,source}'::text[])::text), lower($9)) > 0)
order by c.first_line desc, l.place desc limit $10
