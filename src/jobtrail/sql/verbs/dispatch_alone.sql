-- Makes this transaction the only one that dispatches; answers false, without waiting, when another one does.
select pg_try_advisory_xact_lock(x'686f6f6b'::int8) as alone
