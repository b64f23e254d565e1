-- Takes everything away, the jobs included. `db down` asks before it runs this.
drop table jobtrail.upkeep_leases, jobtrail.workers, jobtrail.tombstones, jobtrail.sealer,
  jobtrail.seals, jobtrail.idempotency_keys,
  jobtrail.queue_stats, jobtrail.queues, jobtrail.assets, jobtrail.usage, jobtrail.results, jobtrail.metrics,
  jobtrail.log_chunks, jobtrail.events, jobtrail.gate_decisions, jobtrail.gates, jobtrail.steps, jobtrail.attempts,
  jobtrail.timers, jobtrail.ready, jobtrail.jobs, jobtrail.tasks, jobtrail.projects, jobtrail.workspaces;
drop function jobtrail.horizon(), jobtrail.txid_base(), jobtrail.serves_all(), jobtrail.current_workspace(), jobtrail.clock();
drop function jobtrail.job_rank, jobtrail.job_strand;
drop function if exists jobtrail.job_may_move, jobtrail.attempt_may_move, jobtrail.step_may_move;
drop type jobtrail.unique_scope, jobtrail.parent_policy, jobtrail.depends_mode, jobtrail.dependency_policy;
drop type jobtrail.timer_type, jobtrail.backoff_type, jobtrail.actor_type, jobtrail.task_status, jobtrail.gate_status,
  jobtrail.result_status, jobtrail.step_type, jobtrail.phase, jobtrail.step_status, jobtrail.attempt_status,
  jobtrail.wait_reason, jobtrail.job_status;
