drop table jobtrail.nexrender_jobs;
drop table jobtrail.callbacks;
drop table jobtrail.signals;
