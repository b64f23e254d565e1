-- Appends seals, given as one JSON array of rows; answers how many.
with made as (
  insert into jobtrail.seals (workspace_id, number, after_txid, up_to_txid, first_at, last_at, events, parts, root,
    previous, sealed_at, signature)
  select s.workspace_id, s.number, s.after_txid, s.up_to_txid, s.first_at at time zone 'UTC',
    s.last_at at time zone 'UTC', s.events, s.parts, decode(s.root, 'hex'), decode(s.previous, 'hex'),
    s.sealed_at at time zone 'UTC', decode(s.signature, 'hex')
  from jsonb_to_recordset($1::text::jsonb) as s (workspace_id uuid, number int8, after_txid int8, up_to_txid int8,
    first_at timestamp, last_at timestamp, events int8, parts jsonb, root text, previous text, sealed_at timestamp,
    signature text)
  returning 1
)
select count(*) from made
