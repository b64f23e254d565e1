drop table jobtrail.type_outcomes;
drop table jobtrail.breakers;
drop type jobtrail.breaker_state;
drop type jobtrail.breaker_mode;
drop table jobtrail.supersedings;
