-- The values of some settings of the server, as this session has them, with their units.
select name, setting, coalesce(unit, '') as unit from pg_settings where name = any ($1::text[]) order by name
