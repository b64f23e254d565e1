"""The migrated schema as one text, for people to read and for a test to hold against the migrations.

`python tests/law/schema_dump.py` writes `src/jobtrail/sql/schema.sql` anew: after every new migration.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from database import Database, chosen_binaries, new_home, remove_home, test_server
from law.statements import SOURCE

SCHEMA = SOURCE / "sql" / "schema.sql"
HEAD = """-- The schema as all migrations together make it, for reading; it is not run. A test holds it against them.
-- `python tests/law/schema_dump.py` writes it anew. Days of events, log_chunks and metrics are left out.

"""
_DAY = re.compile(r"\b(events|log_chunks|metrics)_[0-9]{8}\b")
_NOISE = re.compile(r"^(\\(un)?restrict .*|-- Dumped .*|SET .*|SELECT pg_catalog\.set_config.*)\n", re.MULTILINE)
_NAMED_BY_18 = re.compile(r"CONSTRAINT \w+_not_null (?=NOT NULL)")
_BLOCK = re.compile(r"(?=^--\n-- Name: )", re.MULTILINE)


def dumped(database: Database, *, rights: bool = True) -> str:
    """The schema of a database, without what differs from day to day and from one pg_dump to the next.

    `rights` False: without who may do what, which is rendered after the last migration only.
    """
    program = chosen_binaries().bin / "pg_dump"
    given = conninfo_to_dict(database.admin_url)
    secret = {"PGPASSWORD": str(given.pop("password"))}
    command = [str(program), "--schema-only", "--no-owner", f"--dbname={make_conninfo('', **given)}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **secret})
    blocks = _BLOCK.split(_NOISE.sub("", done.stdout))
    kept = [block for block in blocks if not _DAY.search(block) and (rights or "; Type: ACL; " not in block)]
    text = re.sub(
        r"\n{3,}", "\n\n", _NAMED_BY_18.sub("", "".join(kept)).split("-- PostgreSQL database dump complete")[0]
    )
    return (
        re.sub(r"\n--\n*\Z", "\n", re.sub(r"\A(--\n-- PostgreSQL database dump\n--\n+)", "", text)).rstrip("-\n") + "\n"
    )


def main() -> None:
    """Writes the file."""
    home = new_home()
    try:
        with test_server(home) as server, server.database() as database:
            SCHEMA.write_text(HEAD + dumped(database))
    finally:
        remove_home(home)
    sys.stderr.write(f"wrote {SCHEMA}\n")


if __name__ == "__main__":
    main()
