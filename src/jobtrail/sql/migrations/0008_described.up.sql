-- Workers tell what they run: for each type a sentence, the schema of its input, and whether it has a check.
alter table jobtrail.workers add column described jsonb;  -- {type: {description, has_check, input_schema}}; null: nothing
