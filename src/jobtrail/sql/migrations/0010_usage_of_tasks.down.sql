alter table jobtrail.usage drop column project_id, drop column task_id;
