-- One worker, as far as the scope sees it: whose it is, which queues it serves, whether it lives and what it is told.
select id, name, workspace_id, queues, stopped_at, drain_asked_at from jobtrail.workers where id = $1
