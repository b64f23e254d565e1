alter table jobtrail.workers drop column described;
