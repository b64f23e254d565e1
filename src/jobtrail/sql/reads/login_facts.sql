-- The person of an e-mail in any case, with what a login is held against.
select u.id, u.email, u.name, u.disabled_at, p.hash as password_hash
from jobtrail.users u left join jobtrail.passwords p on p.user_id = u.id
where lower(u.email) = lower($1)
