-- Takes back what 0013 made.
drop function jobtrail.claim_limited, jobtrail.take_ready, jobtrail.tell_rates, jobtrail.rate_room;
drop table jobtrail.claim_places, jobtrail.rate_buckets, jobtrail.rate_starts, jobtrail.limits;
drop type jobtrail.rate_kind, jobtrail.limit_source, jobtrail.limit_scope;
