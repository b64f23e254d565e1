"""Makes SQL as a stranger in the application's session might write it: every relation and function there is, in every way
in which PostgreSQL lets rows be read or written."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from database import Connection

RELATIONS = (
    "select c.oid::regclass::text, c.relname, c.relispartition, array(select attname::text from pg_attribute a "
    "where a.attrelid = c.oid and attnum > 0 and not attisdropped order by attnum) from pg_class c "
    "where c.relnamespace = 'jobtrail'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1"
)
SYSTEM = (
    "select c.oid::regclass::text from pg_class c where c.relkind in ('r', 'v') and "
    "c.relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) order by 1"
)
TOASTS = (
    "select t.oid::regclass::text from pg_class c join pg_class t on t.oid = c.reltoastrelid "
    "where c.relnamespace = 'jobtrail'::regnamespace order by 1"
)
FUNCTIONS = (
    "select p.oid::regproc::text, array(select format_type(t, null) from unnest(p.proargtypes) t) from pg_proc p "
    "where p.pronamespace = 'jobtrail'::regnamespace and p.prorettype <> 'trigger'::regtype order by 1, p.oid::regprocedure::text"
)
LEAK = """
create function pg_temp.leak(text) returns boolean language plpgsql cost 0.0000001 as
  $$ begin raise notice '%', $1; return true; end $$;
create function pg_temp.fall(text) returns boolean language plpgsql cost 0.0000001 as
  $$ begin raise exception '%', $1; end $$;
create function pg_temp.less(text, text) returns boolean language plpgsql cost 0.0000001 as
  $$ begin raise notice '% %', $1, $2; return $1 < $2; end $$;
create operator pg_temp.<<< (leftarg = text, rightarg = text, function = pg_temp.less);
"""
"""What tells everything that it is shown, and says that it costs nothing, so that it would be asked first."""

Made = tuple[str, str]
"""What kind of attack it is, and its statement."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, a day of one, or a view."""

    name: str
    columns: tuple[str, ...]
    partition: bool


@dataclass
class Attacker:
    """Somebody who speaks for one workspace, knows ids of the other (`ids`), and wants more."""

    dice: random.Random
    relations: list[Relation]
    system: list[str]
    functions: list[tuple[str, list[str]]]
    ids: list[UUID]
    workspace: UUID
    turn: int = 0
    makers: list[Callable[[], Made]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.makers = [
            self.rows, self.rows, self.whole, self.pair, self.pair, self.with_query, self.below, self.sets, self.window,
            self.copy, self.explain, self.cursor, self.prepared, self.locked, self.place, self.catalog, self.call,
            self.call, self.leaky, self.leaky, self.cast, self.unsafe, self.view, self.lateral, self.xml, self.sample,
        ]  # fmt: skip

    def next(self) -> Made:
        """The next statement, each kind in its turn."""
        self.turn += 1
        return self.makers[self.turn % len(self.makers)]()

    def relation(self) -> Relation:
        """A day is chosen seldom, for there are many and all are closed alike."""
        tables = [one for one in self.relations if one.partition == (self.dice.random() < 0.1)]
        return self.dice.choice(tables)

    def id(self) -> str:
        return f"'{self.dice.choice(self.ids)}'"

    def when(self, one: Relation, as_: str = "t") -> str:
        ids = [name for name in one.columns if name == "id" or name.endswith("_id")]
        plain = [
            "true",
            f"{as_}::text like '%a%'",
            f"not ({as_} is null)",
            "random() >= 0",
            f"{as_}.tableoid is not null",
        ]
        if not ids or self.dice.random() < 0.4:
            return self.dice.choice(plain)
        name = f"{as_}.{self.dice.choice(ids)}"
        return self.dice.choice([
            f"{name}::text = {self.id()}",
            f"{name}::text in ({self.id()}, {self.id()})",
            f"{name}::text <> '{self.workspace}'",
            f"{name} is not null or {self.dice.choice(plain)}",
        ])  # fmt: skip

    def query(self) -> str:
        """A query that would show whole rows."""
        one = self.relation()
        return f"select t::text as x from {one.name} t where {self.when(one)}"

    def rows(self) -> Made:
        one = self.relation()
        order = self.dice.choice(
            ["", f" order by {self.dice.choice(one.columns)} desc nulls last", " order by random()"]
        )
        limit = self.dice.choice(["", " limit 50", " offset 1", " fetch first 9 rows only"])
        what = self.dice.choice(["t.*", "t", "to_jsonb(t)", "row_to_json(t)", "t.ctid, t.xmin, t.*"])
        return "select", f"select {what} from {one.name} t where {self.when(one)}{order}{limit}"

    def whole(self) -> Made:
        one = self.relation()
        column = self.dice.choice(one.columns)
        what = self.dice.choice([
            "string_agg(t::text, '|')", "jsonb_agg(t)", "array_agg(t)", f"max(t.{column}::text), min(t.{column}::text)",
            "json_object_agg(random(), t)", f"mode() within group (order by t.{column}::text)", "xmlagg(xmlforest(t))",
            f"array_agg(distinct t.{column}::text)",
            f"percentile_disc(array[0, 0.5, 1]) within group (order by t.{column}::text)",
        ])  # fmt: skip
        group = self.dice.choice(
            ["", f" group by t.{column}", f" group by rollup (t.{column})", " having count(*) > 0"]
        )
        return "aggregate", f"select {what} from {one.name} t where {self.when(one)}{group}"

    def pair(self) -> Made:
        one, other = self.relation(), self.relation()
        kind = self.dice.choice(["join", "left join", "right join", "full join"])
        common = [name for name in one.columns if name in other.columns and name != "workspace_id"]
        on = f"a.{common[0]} = b.{common[0]}" if common else "true"
        on = self.dice.choice([on, "true"]) if kind != "full join" else (on if common else "1 = 1")
        text = f"select a::text, b::text from {one.name} a {kind} {other.name} b on {on} where {self.when(one, 'a')} limit 99"
        return "join", text

    def with_query(self) -> Made:
        kind = self.dice.choice(["", "materialized ", "not materialized "])
        return "cte", self.dice.choice([
            f"with x as {kind}({self.query()}) select string_agg(x, '|') from x",
            (f"with recursive x (x, n) as (select x, 1 from ({self.query()}) s union all "
            f"select x, n + 1 from x where n < 3) select * from x limit 99"),
            f"with x as {kind}({self.query()}), y as ({self.query()}) select * from x, y limit 99",
        ])  # fmt: skip

    def below(self) -> Made:
        one = self.relation()
        return "subquery", self.dice.choice([
            f"select (select string_agg(x, '|') from ({self.query()}) s)",
            f"select array({self.query()})",
            f"select t::text from {one.name} t where exists ({self.query()})",
            f"select t::text from {one.name} t where t::text = any (array({self.query()})) or {self.when(one)}",
            f"select coalesce((select x from ({self.query()}) s limit 1), 'none')",
            f"select case when exists ({self.query()}) then t::text end from {one.name} t",
        ])  # fmt: skip

    def sets(self) -> Made:
        kind = self.dice.choice(["union", "union all", "intersect", "except", "except all"])
        return "set", f"({self.query()}) {kind} ({self.query()}) order by 1 limit 99"

    def window(self) -> Made:
        one = self.relation()
        column = self.dice.choice(one.columns)
        what = self.dice.choice(
            ["lag(t::text)", "first_value(t::text)", "nth_value(t::text, 2)", "string_agg(t::text, '|')"]
        )
        return (
            "window",
            f"select {what} over (order by t.{column}::text rows between 9 preceding and 9 following) from {one.name} t",
        )

    def copy(self) -> Made:
        to = self.dice.choice(["stdout", "stdout with (format csv, header)", "stdout with (format binary)"])
        return "copy", f"copy {self.dice.choice([f'({self.query()})', self.relation().name])} to {to}"

    def explain(self) -> Made:
        how = self.dice.choice(
            ["analyze, verbose", "verbose", "analyze, verbose, buffers, format json", "analyze, format xml"]
        )
        return (
            "explain",
            f"explain ({how}) {self.dice.choice([self.pair, self.window, self.whole, self.sets, self.rows])()[1]}",
        )

    def cursor(self) -> Made:
        how = self.dice.choice(["cursor", "scroll cursor", "insensitive cursor", "cursor with hold"])
        ways = self.dice.choice(["fetch all from c", "move 1 from c; fetch 9 from c", "fetch forward all from c"])
        return "cursor", f"declare c {how} for {self.query()}; {ways}; close c"

    def prepared(self) -> Made:
        name = f"p{self.turn}"
        return (
            "prepare",
            f"prepare {name} (text) as {self.query()} and $1 is not null; execute {name} ('x'); execute {name} ('y')",
        )

    def locked(self) -> Made:
        one = self.relation()
        how = self.dice.choice(["update", "no key update", "share", "key share"])
        return (
            "lock",
            f"select t::text from {one.name} t where {self.when(one)} for {how} {self.dice.choice(['skip locked', 'nowait'])}",
        )

    def place(self) -> Made:
        one = self.relation()
        page, line = self.dice.randrange(3), self.dice.randrange(1, 30)
        return "ctid", self.dice.choice([
            f"select t::text from {one.name} t where ctid = '({page},{line})'",
            f"select t::text from {one.name} t where ctid >= '(0,0)' and ctid < '(9,9)'",
            f"select t::text from {one.name} t where ctid = any (array['(0,1)', '(0,2)', '(0,{line})']::tid[])",
            f"select t::text from {one.name} t where tableoid = '{one.name}'::regclass",
            f"select currtid2('{one.name}', '({page},{line})')",
            f"select t::text from {one.name} t where xmin::text::bigint > 0 and cmin::text::int >= 0",
        ])  # fmt: skip

    def catalog(self) -> Made:
        name = self.dice.choice(self.system)
        stats = self.dice.choice(
            ["pg_stats", "pg_stats_ext", "pg_stats_ext_exprs", "pg_stat_activity", "pg_statistic", name, name]
        )
        return "catalog", f"select t::text from {stats} t limit 5000"

    def call(self) -> Made:
        """Every function in its turn, with ids of the other workspace wherever one fits."""
        name, types = self.functions[self.dice.randrange(len(self.functions))]
        given = ", ".join(self._argument(type) for type in types)
        more = f", (select string_agg(x, '|') from ({self.query()}) s)" if self.dice.random() < 0.5 else ""
        return "function", f"select {name}({given}){more}"

    def _argument(self, type: str) -> str:
        if type.startswith("jobtrail.") and any(one.name == type for one in self.relations):
            return f"(select t from {type} t limit 1)"
        values = {
            "uuid": f"{self.id()}::uuid", "integer": "1", "bigint": "1", "boolean": "true",
            "timestamp with time zone": "now() - interval '3 days'", "bytea": "''::bytea", "jsonb": "'{}'::jsonb",
            "text": self.dice.choice(["'events'", "'log_chunks'", "'jobs'", f"'{self.dice.choice(self.ids)}'"]),
            "text[]": "array['*']", "uuid[]": f"array[{self.id()}]::uuid[]",
        }  # fmt: skip
        return values.get(type, f"null::{type}")

    def leaky(self) -> Made:
        """Conditions that tell what they see, if they are asked before the policy."""
        one = self.relation()
        column = self.dice.choice(one.columns)
        condition = self.dice.choice([
            "pg_temp.leak(t::text)", "pg_temp.fall(t::text)", f"pg_temp.leak(t.{column}::text)",
            f"t.{column}::text operator(pg_temp.<<<) 'x'", f"pg_temp.less(t.{column}::text, 'x') is not null",
            f"case when t.{column} is not null then pg_temp.leak(t::text) end",
        ])  # fmt: skip
        return "leaky", f"select count(*) from {one.name} t where {condition} and {self.when(one)}"

    def cast(self) -> Made:
        """Errors that cite the value at which they happen."""
        one = self.relation()
        column = self.dice.choice(one.columns)
        to = self.dice.choice(["int", "uuid", "timestamptz", "jsonb", "inet", "bytea", "pg_lsn", "regclass"])
        return "cast", f"select count(*) from {one.name} t where (t.{column}::text || 'x')::{to} is not null"

    def unsafe(self) -> Made:
        how = self.dice.choice([
            "set local row_security = off", "set local session_replication_role = replica", "set local role jobtrail_owner",
            "set local session authorization postgres", "set local debug_print_plan = on", "set local client_min_messages = debug5",
            "set local enable_seqscan = off", "set local plan_cache_mode = force_generic_plan", "set local search_path = jobtrail",
            "set local log_statement_stats = on", "set local default_transaction_isolation = serializable",
            "set local force_parallel_mode = on", "set local jit = on", "set constraints all immediate",
        ])  # fmt: skip
        return "setting", f"{how}; {self.query()}"

    def view(self) -> Made:
        one, query = self.relation(), self.query()
        return "temporary", self.dice.choice([
            f"create temp view v as {query}; select * from v",
            f"create temp view v with (security_barrier = false) as {query}; select * from v where pg_temp.leak(x)",
            f"create temp table c as {query}; select * from c",
            f"create temp table c (like {one.name} including all); insert into c select * from {one.name}; select c::text from c",
            f"create materialized view pg_temp.m as {query}",
            f"create function pg_temp.f() returns setof text language sql security definer as $$ {query} $$; select pg_temp.f()",
            f"create temp table c (id uuid references {one.name})",
            f"create rule r as on insert to {one.name} do also {query}",
            f"create policy p on {one.name} using (true)",
            f"do $$ declare r record; begin for r in execute $q${query}$q$ loop raise notice '%', r; end loop; end $$",
        ])  # fmt: skip

    def lateral(self) -> Made:
        one, other = self.relation(), self.relation()
        return "lateral", self.dice.choice([
            f"select a::text, s.x from {one.name} a cross join lateral ({self.query()} and a is not null limit 9) s",
            f"select s.* from {one.name} a, lateral (select b::text from {other.name} b where a.ctid = b.ctid) s",
            f"select a::text, g from {one.name} a, lateral generate_series(1, 2) g where {self.when(one, 'a')}",
            f"select * from (values (1), (2)) v (n) left join lateral ({self.query()}) s on true",
        ])  # fmt: skip

    def xml(self) -> Made:
        one = self.relation()
        return "other reader", self.dice.choice([
            f"select table_to_xml('{one.name}', true, false, '')",
            f"select query_to_xml($q${self.query()}$q$, true, false, '')",
            "select schema_to_xml('jobtrail', true, false, '')" if self.turn % 7 == 0 else f"table {one.name}",
            f"select ts_stat($q$select to_tsvector(x) from ({self.query()}) s$q$)",
            f"select cursor_to_xml('c', 9, true, false, '') from (select 1) s, ({self.query()}) t",
            f"select pg_relation_filepath('{one.name}'), pg_get_viewdef('{one.name}'::regclass)",
            f"select pg_read_file(pg_relation_filepath('{one.name}'))",
            f"select lo_get(oid) from pg_largeobject_metadata union all select '' from {one.name}",
            f"select pg_table_size('{one.name}'), pg_stat_get_live_tuples('{one.name}'::regclass)",
            f"select t::text from only {one.name} t",
            f'listen "{one.name}"; select pg_listening_channels()',
        ])  # fmt: skip

    def sample(self) -> Made:
        one = self.relation()
        how = self.dice.choice(["system (100)", "bernoulli (100)", "bernoulli (50) repeatable (7)"])
        return "sample", f"select t::text from {one.name} t tablesample {how} where {self.when(one)}"


def attacker(admin: Connection, seed: int, ids: list[UUID], workspace: UUID) -> Attacker:
    """Somebody who has looked into the catalog, so that what is new is attacked too."""
    relations = [
        Relation(name, tuple(columns), part) for name, _, part, columns in admin.execute(RELATIONS.encode()).fetchall()
    ]
    system = [
        name for (name,) in [*admin.execute(SYSTEM.encode()).fetchall(), *admin.execute(TOASTS.encode()).fetchall()]
    ]
    functions = [(name, list(types)) for name, types in admin.execute(FUNCTIONS.encode()).fetchall()]
    return Attacker(random.Random(seed), relations, system, functions, ids, workspace)
