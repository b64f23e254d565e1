-- Forgets logins that ended or expired before a time, and failures as old; answers how many logins.
with forgotten as (
  delete from jobtrail.login_sessions where least(expires_at, ended_at) < $1
  returning id
), forgiven as (
  delete from jobtrail.login_failures where last_at < $1
)
select count(*) from forgotten
