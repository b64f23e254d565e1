-- Takes back what 0019 made.
drop trigger guard_new on jobtrail.steps;
create trigger guard_new before insert on jobtrail.steps for each row
  when (not jobtrail.step_may_move(null, new.status)) execute function jobtrail.refuse_move();
drop function jobtrail.refuse_new_step();
drop index jobtrail.jobs_by_fork;
drop table jobtrail.error_marks;
alter table jobtrail.workers drop column left_queues, drop column drain_asked_at, drop column drain_asked_by,
  drop column drain_reason, drop column drain_stops;
