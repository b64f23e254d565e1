-- Who may do what: people, their membership in workspaces, keys, login sessions, and the record of administration.

-- People belong to the installation. A workspace sees those of them who are its members, and nobody's password.
create table jobtrail.users (
  id uuid primary key,
  email text not null check (octet_length(email) <= 254 and email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'),
  name text not null check (octet_length(name) between 1 and 255),
  created_at timestamptz not null default jobtrail.clock(),
  disabled_at timestamptz
);
create unique index users_one_per_email on jobtrail.users (lower(email));
-- Statistics of an expression are no table's: row-level security does not keep the owner from reading them in pg_stats.
alter index jobtrail.users_one_per_email alter column 1 set statistics 0;

create table jobtrail.passwords (
  user_id uuid primary key references jobtrail.users (id),
  hash text not null check (octet_length(hash) between 32 and 512),
  set_at timestamptz not null default jobtrail.clock()
);

create table jobtrail.memberships (
  workspace_id uuid not null references jobtrail.workspaces (id),
  user_id uuid not null references jobtrail.users (id),
  role text not null check (role in ('VIEWER', 'OPERATOR', 'ADMIN', 'OWNER')),
  created_at timestamptz not null default jobtrail.clock(),
  entered_at timestamptz,                       -- the person's first login since; anybody's e-mail can be added
  primary key (workspace_id, user_id)
);
create index memberships_by_user on jobtrail.memberships (user_id);

-- A key speaks for its workspace; one that is bound to a person may never do more than that person may at the moment.
-- Of its secret only the SHA-256 is kept. It is found by its id before the workspace is known, so ids are unique.
create table jobtrail.api_keys (
  workspace_id uuid not null references jobtrail.workspaces (id),
  id uuid not null unique,
  user_id uuid references jobtrail.users (id),
  name text not null check (octet_length(name) between 1 and 255),
  secret_hash bytea not null check (octet_length(secret_hash) = 32),
  scopes text[] not null check (cardinality(scopes) between 1 and 100),
  created_by text not null,
  created_at timestamptz not null default jobtrail.clock(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  primary key (workspace_id, id),
  constraint expires_in_the_future check (expires_at > created_at)
) with (fillfactor = 70);
create index api_keys_by_user on jobtrail.api_keys (user_id) where user_id is not null;

create table jobtrail.login_sessions (
  id uuid primary key,
  user_id uuid not null references jobtrail.users (id),
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  address text not null default '',
  created_at timestamptz not null default jobtrail.clock(),
  expires_at timestamptz not null,
  seen_at timestamptz not null default jobtrail.clock(),
  ended_at timestamptz
) with (fillfactor = 70);
create index login_sessions_by_user on jobtrail.login_sessions (user_id);

-- Failed logins of one address for one e-mail. Who comes from elsewhere does not wait for them.
create table jobtrail.login_failures (
  email text not null,                          -- lower case; nobody need have it
  address text not null,
  failures integer not null default 1,
  last_at timestamptz not null default jobtrail.clock(),
  primary key (email, address)
) with (fillfactor = 70);

-- What administrators did, append-only, chained by workspace. The nil workspace is the installation: logins, people.
create table jobtrail.administration_events (
  workspace_id uuid not null,
  number bigint not null,
  at timestamptz not null,
  type text not null check (type ~ '^[a-z_]+\.[a-z_]+$'),
  actor_type jobtrail.actor_type not null,
  actor_id text not null check (octet_length(actor_id) <= 255),
  subject_type text not null check (subject_type ~ '^[a-z_]+$'),
  subject_id text not null check (octet_length(subject_id) <= 1024),
  payload jsonb not null default '{}',
  hash bytea not null,
  primary key (workspace_id, number)
);

-- sha256(previous hash || canonical bytes), as the trail of jobs has it: the free texts carry their length.
create function jobtrail.administration_link(previous bytea, e jobtrail.administration_events) returns bytea
language sql immutable parallel safe as $$
  select sha256(previous || timestamptz_send(e.at) || convert_to(concat_ws('|', e.workspace_id, e.number, e.type,
    e.actor_type, octet_length(e.actor_id), e.actor_id, e.subject_type, octet_length(e.subject_id), e.subject_id,
    e.payload::text), 'UTF8'))
$$;

-- One at a time in a workspace, until the commit: so numbers have no gap, and who reads the last one reads the truth.
create function jobtrail.link_administration() returns trigger language plpgsql as $$
declare
  last record;
begin
  perform pg_advisory_xact_lock(hashtextextended(new.workspace_id::text, 6));
  select number, at, hash into last from jobtrail.administration_events
    where workspace_id = new.workspace_id order by number desc limit 1;
  new.number := coalesce(last.number, 0) + 1;
  new.at := greatest(jobtrail.clock(), last.at);
  new.hash := jobtrail.administration_link(coalesce(last.hash, ''), new);
  return new;
end
$$;
create trigger link_new before insert on jobtrail.administration_events for each row
  execute function jobtrail.link_administration();
create trigger append_only before update or delete or truncate on jobtrail.administration_events for each statement
  execute function jobtrail.refuse_change('anything but appending', 'The record of administration is append-only.');

create trigger guard_settled before update of workspace_id, id, user_id, secret_hash, scopes, created_by, created_at
  on jobtrail.api_keys for each statement
  execute function jobtrail.refuse_change('a change of what a key was made with', 'Revoke it and create another.');
create trigger guard_revoked before update of revoked_at on jobtrail.api_keys for each row
  when (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at)
  execute function jobtrail.refuse_change('to take back a revocation', 'Create another key.');
create trigger keep before delete or truncate on jobtrail.api_keys for each statement
  execute function jobtrail.refuse_change('to remove a key', 'Revoke it.');
create trigger guard_settled before update of workspace_id, user_id, created_at on jobtrail.memberships
  for each statement execute function jobtrail.refuse_change('to give a membership away', 'Remove it and add another.');

do $$
declare
  name text;
begin
  foreach name in array array['memberships', 'api_keys', 'administration_events'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy own_workspace on jobtrail.%I using (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all())) with check (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all()))', name);
  end loop;
  foreach name in array array['users', 'passwords', 'login_sessions', 'login_failures'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy installation on jobtrail.%I using ((select jobtrail.serves_all())) '
      'with check ((select jobtrail.serves_all()))', name);
  end loop;
end
$$;
-- Foreign keys see people of everywhere: who could make anybody a member would read their e-mail, or learn that they exist.
create policy by_the_installation on jobtrail.memberships as restrictive for insert
  with check ((select jobtrail.serves_all()));
create policy of_members on jobtrail.api_keys as restrictive for insert with check ((select jobtrail.serves_all())
  or user_id is null or exists (select from jobtrail.memberships m
    where m.workspace_id = api_keys.workspace_id and m.user_id = api_keys.user_id));
create policy own_members on jobtrail.users for select using (id in (select user_id from jobtrail.memberships
  where workspace_id = (select jobtrail.current_workspace())));
