-- Whether a webhook is disabled; no row: there is none.
select disabled_at is not null as disabled from jobtrail.webhooks where workspace_id = $1 and id = $2
