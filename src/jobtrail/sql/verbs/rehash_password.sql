-- Keeps the same password ($2, as it was hashed) under a better hash ($3), unless it was changed meanwhile.
update jobtrail.passwords set hash = $3 where user_id = $1 and hash = $2
