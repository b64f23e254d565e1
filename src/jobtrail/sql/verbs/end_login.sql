-- Ends one login, by its id; no row: it had ended.
update jobtrail.login_sessions set ended_at = jobtrail.clock() where id = $1 and ended_at is null returning id
