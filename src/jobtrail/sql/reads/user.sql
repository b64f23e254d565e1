-- One person of the installation.
select id, email, name, created_at, disabled_at from jobtrail.users where id = $1
