-- Takes the validations away; jobs that wait for one are not checked, and have to be started.
drop table jobtrail.validations;
