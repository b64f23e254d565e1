-- How often an address ($2) failed to log in for an e-mail ($1) of late, and how many seconds ago it last did.
select failures, extract(epoch from jobtrail.clock() - last_at)::float8 as seconds_ago
from jobtrail.login_failures where email = lower($1) and address = $2
