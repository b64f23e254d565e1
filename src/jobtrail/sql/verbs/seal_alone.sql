-- Makes this transaction the only one that seals; answers false, without waiting, when another one does.
select pg_try_advisory_xact_lock(x'7365616c'::int8) as alone
