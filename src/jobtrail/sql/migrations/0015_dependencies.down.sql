-- Takes the dependencies away; jobs that wait for others wait for good, and have to be cancelled or rerun.
drop table jobtrail.settlements;
drop table jobtrail.dependencies;
