-- A page of the installation's people, newest first, before the cursor $1 (null: from the newest).
select id, email, name, created_at, disabled_at from jobtrail.users
where $1::uuid is null or id < $1 order by id desc limit $2
