drop index jobtrail.jobs_by_rerun;
