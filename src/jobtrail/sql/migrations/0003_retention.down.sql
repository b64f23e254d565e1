select set_config('jobtrail.workspace', '*', true);
delete from jobtrail.workspaces where id = '00000000-0000-7000-8000-000000000001'
  and not exists (select from jobtrail.jobs) and not exists (select from jobtrail.queues)
  and not exists (select from jobtrail.tasks) and not exists (select from jobtrail.projects);
do $$
declare
  child regclass;
begin
  for child in select inhrelid::regclass from pg_inherits where inhparent in
      ('jobtrail.events'::regclass, 'jobtrail.log_chunks'::regclass, 'jobtrail.metrics'::regclass) loop
    execute format('drop table %s', child);
  end loop;
end
$$;
drop function jobtrail.rebase_txids(), jobtrail.remove_jobs(timestamptz, integer), jobtrail.drop_partitions(text, timestamptz),
  jobtrail.make_partitions(integer), jobtrail.protect_partition(text, boolean);
