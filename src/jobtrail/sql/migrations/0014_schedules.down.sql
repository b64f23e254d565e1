drop index jobtrail.administration_of_schedules;
drop table jobtrail.schedule_ticks;
drop table jobtrail.schedules;
drop type jobtrail.tick_outcome;
drop type jobtrail.catch_up_policy;
drop type jobtrail.overlap_policy;
