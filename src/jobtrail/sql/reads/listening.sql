-- Whether this session is still subscribed to hints.
select 'jobtrail' in (select pg_listening_channels())
