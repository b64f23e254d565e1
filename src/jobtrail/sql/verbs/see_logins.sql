-- Notes that logins were used, at most once a minute each; two who note at once do not wait for each other.
update jobtrail.login_sessions s set seen_at = jobtrail.clock() from (
  select id from jobtrail.login_sessions where id = any ($1::uuid[]) and ended_at is null
    and seen_at < jobtrail.clock() - interval '1 minute'
  order by id for update skip locked
) used
where s.id = used.id
