"""Where the program keeps what it remembers, and the environment that it gets. One home for each workspace and machine."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from jobtrail.core.errors import Misconfigured
from jobtrail.runners.pipeline.environment import Secrets, search_path
from jobtrail.runners.pipeline.model import EnvReference, EnvValue

HOME_SETTING = "JOBTRAIL_CLAUDE_HOME"
SECRET = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
PLAIN = ("ANTHROPIC_BASE_URL", "LANG", "LC_ALL", "TERM", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
QUIET = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
MAX_SLUG = 200
MAX_TRANSCRIPT_BYTES = 20 << 20

_NOT_IN_SLUG = re.compile(r"[^a-zA-Z0-9]")
_SESSION = re.compile(r"[A-Za-z0-9-]{1,64}")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A home. `config` holds the transcripts."""

    path: Path
    config: Path
    tmp: Path

    def transcript(self, session: str, cwd: Path) -> Path:
        """Where the program looks for a session when it works in this folder."""
        return self.config / "projects" / slug(os.path.realpath(cwd)) / f"{session}.jsonl"

    def find(self, session: str, cwd: Path) -> Path | None:
        """The transcript of a session, in whatever folder it was; None if it is not on this machine."""
        if not _SESSION.fullmatch(session):
            return None
        here = self.transcript(session, cwd)
        if here.is_file():
            return here
        others = sorted((self.config / "projects").glob(f"*/{session}.jsonl"), key=lambda file: file.stat().st_mtime)
        return others[-1] if others else None

    def bring(self, session: str, cwd: Path) -> bool:
        """Make a session one that can be resumed in this folder; whether that is so."""
        found, wanted = self.find(session, cwd), self.transcript(session, cwd)
        if found is None:
            return False
        if found != wanted:
            wanted.parent.mkdir(parents=True, exist_ok=True)
            draft = wanted.with_name(f".{uuid4()}.part")
            try:
                shutil.copyfile(found, draft)
                with suppress(FileExistsError):  # another job brought it meanwhile, and may go on in it already
                    os.link(draft, wanted)
            finally:
                draft.unlink(missing_ok=True)
        return True

    def holds(self, session: str, cwd: Path) -> bytes | None:
        """The transcript as bytes; None if there is none, or a very long one."""
        found = self.find(session, cwd)
        return found.read_bytes() if found is not None and found.stat().st_size <= MAX_TRANSCRIPT_BYTES else None


def open_home(workspace: Path, tmp: Path, environ: Mapping[str, str]) -> Home:
    """The home of a workspace, or of the worker's user, as the setting has it. Raises Misconfigured, OSError."""
    setting = environ.get(HOME_SETTING) or "workspace"
    if setting == "user":
        path = Path(environ.get("HOME") or Path.home())
        config = Path(environ.get("CLAUDE_CONFIG_DIR") or path / ".claude")
    elif setting == "workspace":
        path = workspace / "claude"
        path.mkdir(mode=0o700, exist_ok=True)
        config = path / ".claude"
    else:
        raise Misconfigured(f"{HOME_SETTING} is {setting!r}: it must be `workspace` or `user`")
    tmp.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Home(path=path, config=config, tmp=tmp)


def environment(
    home: Home, environ: Mapping[str, str], given: Mapping[str, EnvValue], secrets: Secrets
) -> dict[str, str]:
    """All that the program gets: nothing is inherited but what is named here. Raises JobtrailError for a missing secret."""
    basis = {
        "PATH": search_path(environ.get("PATH", "")),
        "HOME": str(home.path),
        "TMPDIR": str(home.tmp),
        "LANG": "C.UTF-8",
        "CLAUDE_CONFIG_DIR": str(home.config),
        **{name: environ[name] for name in PLAIN if environ.get(name)},
        **QUIET,
    }
    if environ.get(HOME_SETTING) == "user" and not environ.get("CLAUDE_CONFIG_DIR"):
        del basis["CLAUDE_CONFIG_DIR"]  # it would move the login that the user has
    for name in PROXIES:
        if value := environ.get(name):
            basis[name] = secrets.value(name) if "@" in value else value
    for name in SECRET:
        if environ.get(name) and name not in given:
            basis[name] = secrets.value(name)
    named = {name: secrets.value(v.env) if isinstance(v, EnvReference) else v for name, v in given.items()}
    return basis | named


def slug(path: str) -> str:
    """A folder's name in the place of transcripts, as the program makes it: by UTF-16, as JavaScript counts.

    >>> slug("/srv/my.repo")
    '-srv-my-repo'
    """
    units = path.encode("utf-16-le", "surrogatepass")
    text = "".join(chr(int.from_bytes(units[i : i + 2], "little")) for i in range(0, len(units), 2))
    short = _NOT_IN_SLUG.sub("-", text)
    if len(short) <= MAX_SLUG:
        return short
    number = 0
    for unit in text:
        number = (number * 31 + ord(unit)) & 0xFFFFFFFF
    number = abs(number - (1 << 32) if number & 0x80000000 else number)
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return f"{short[:MAX_SLUG]}-{digits}"
