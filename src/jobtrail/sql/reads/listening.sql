-- Whether this session is still subscribed, and the settings that a careful operator would want to hear about.
select 'jobtrail' in (select pg_listening_channels())
