"""The tree of commands: names, groups and one line of help each. No command is imported here, so that help is quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from cyclopts import App, Group, Parameter

from jobtrail.cli.flags import Twins

if TYPE_CHECKING:  # it takes a fifth of the time of a command that needs no such thing
    from rich.console import Console

_FIRST: Final = Group("Start here", sort_key=1)
_JOBS: Final = Group("Jobs", sort_key=2)
_AROUND: Final = Group("Around jobs", sort_key=3)
_HOUSE: Final = Group("The installation", sort_key=4)
_ALSO: Final = Group("Also", sort_key=5)

_COMMANDS: Final = (
    ("demo", "demo:demo", _FIRST, "A real job to break: kill its worker in the dashboard and watch another one go on."),
    ("init", "init:init", _FIRST, "Write a first app.py with its test here; nothing is overwritten."),
    ("dev", "dev:dev", _FIRST, "Database, worker and dashboard in one terminal; a new worker when your code changes."),
    ("serve", "serve:serve", _FIRST, "The dashboard and the HTTP API, for people, programs and workers elsewhere."),
    ("run", "run:run", _FIRST, "Run one job here, from a file or by its type, and exit with its outcome."),
    ("enqueue", "enqueue:enqueue", _JOBS, "Hand in a job for the workers."),
    ("bulk", "bulk:bulk", _JOBS, "Act on all jobs that a search finds; a job of its own does it."),
    ("top", "top:top", _JOBS, "Jobs, queues, workers, gates and errors on the whole terminal."),
    ("usage", "usage:usage", _AROUND, "Tokens and money that jobs used."),
    ("doctor", "doctor:doctor", _HOUSE, "Check everything here, and say what to do about what is wrong."),
    ("bench", "bench:bench", _HOUSE, "Measure this machine and database, against the limit in the same run."),
    ("completion", "completion:completion", _HOUSE, "Print the completion script of a shell."),
    ("version", "version:version", _HOUSE, "Print the versions of Jobtrail and of what it runs on."),
)

_NOUNS: Final = (
    ("job", _JOBS, "Look at jobs and act on them.", (
        ("list", "job_list:jobs", "Jobs, newest first."),
        ("get", "job_get:get", "One job with its steps, attempts and result."),
        ("watch", "job_follow:watch", "Follow a job; exits with its outcome. Ctrl-C lets it run on."),
        ("wait", "job_follow:wait", "Wait for the end of jobs; exits with their outcome."),
        ("logs", "job_logs:logs", "What a job printed and wrote."),
        ("events", "job_get:events", "The trail of a job."),
        ("timeline", "job_timeline:timeline", "Attempts and steps over time, drawn as text."),
        ("tree", "job_tree:tree", "A job with the jobs that it started, and those below them."),
        ("needs", "job_tree:needs", "What a job waits for, and who waits for it."),
        ("record", "job_record:record", "Write a job as lines of JSON: all that happened, with its times."),
        ("replay", "job_record:replay", "Show once more how a job went, from a recording or the job itself."),
        ("why", "job_get:why", "One sentence: why a job waits, failed or was lost."),
        ("cancel", "job_act:cancel", "Cancel jobs."),
        ("retry", "job_act:retry", "Try failed or cancelled jobs again; finished steps are kept."),
        ("start", "job_act:start", "Start jobs that wait for a time, a retry or a quota, now."),
        ("signal", "job_signal:signal", "Say something to a job that waits for it, or will."),
        ("rerun", "job_act:rerun", "A new job like this one, with the same input or another."),
        ("fork", "job_fork:fork", "A new job that begins at a step of this one."),
    )),
    ("task", _JOBS, "What somebody wants done, and the jobs that do it.", (
        ("create", "task:create", "Write down what is to be done."),
        ("list", "task:listed", "Tasks, newest first."),
        ("get", "task:get", "One task, and what its jobs used."),
        ("update", "task:update", "Change a task."),
        ("remove", "task:remove", "Remove a task on which nothing hangs."),
        ("start", "task_jobs:start", "Hand in a job of a task, or several that differ."),
        ("follow-up", "task_jobs:follow_up", "Say something more on the session of a job."),
        ("compare", "task_jobs:compare", "The jobs of a task side by side."),
        ("jobs", "task:jobs", "The jobs of a task, newest first."),
    )),
    ("project", _JOBS, "Folders of tasks and jobs.", (
        ("create", "project:create", "Make a project."),
        ("list", "project:listed", "Projects, newest first."),
        ("get", "project:get", "One project, and what its jobs used."),
        ("rename", "project:rename", "Give a project another name."),
        ("remove", "project:remove", "Remove a project in which nothing is."),
    )),
    ("gate", _JOBS, "Decisions that jobs wait for.", (
        ("list", "gate:gates", "Gates that wait, oldest question first."),
        ("get", "gate:get", "One gate: what is asked, of whom, by which rules, and what was said."),
        ("approve", "gate:approve", "Approve; the job goes on."),
        ("reject", "gate:reject", "Reject; the job is told."),
        ("withdraw", "gate:withdraw", "Take back what you said at a gate that waits."),
        ("link", "gate_link:link", "Make an address at which one person may answer once."),
        ("links", "gate_link:links", "The links to a gate, and what came of them."),
        ("unlink", "gate_link:unlink", "Take a link back."),
    )),
    ("error", _JOBS, "What failed, in groups that failed alike.", (
        ("list", "error:errors", "The errors, the last seen first."),
        ("show", "error:show_error", "One error: its message, its types, its newest jobs."),
        ("retry", "error:retry", "Try all jobs of an error again; finished steps are kept."),
        ("redrive", "error_marks:redrive", "Try all jobs of an error again in waves, by a job of its own."),
        ("mute", "error_marks:mute", "Say that people know of an error: it calls for attention no more."),
        ("resolve", "error_marks:resolve", "Say that an error is mended: it calls when it is seen again."),
        ("reopen", "error_marks:reopen", "Take back that an error is muted or resolved."),
    )),
    ("file", _AROUND, "Files that jobs took in or made.", (
        ("list", "file:files", "The files of a job."),
        ("get", "file:get", "Copy a file of a job to here."),
    )),
    ("queue", _AROUND, "Queues: how they stand, pause, resume, limit.", (
        ("list", "queues:queues", "How the queues stand."),
        ("pause", "queues:pause", "Let workers take no more of a queue; what runs goes on."),
        ("resume", "queues:resume", "Let workers take of a queue again."),
        ("limit", "limits:of_queue", "Limit what a queue runs at once or starts in a time."),
    )),
    ("limit", _AROUND, "How much may run at once, and start in a time.", (
        ("list", "limits:limits", "The limits, and how much of each is used."),
        ("set", "limits:set_", "Limit a queue, a type, a concurrency key or the workspace."),
        ("clear", "limits:clear", "Take a limit away."),
    )),
    ("schedule", _AROUND, "What makes jobs at times.", (
        ("list", "schedule:schedules", "The schedules, when each is due next and how its ticks went."),
        ("show", "schedule:show_schedule", "One schedule."),
        ("create", "schedule:create", "Make jobs at times from now on."),
        ("update", "schedule:update", "Change a schedule, from its next tick on."),
        ("pause", "schedule:pause", "Let a schedule make no more jobs."),
        ("resume", "schedule:resume", "Let a paused schedule go on."),
        ("run", "schedule_ticks:run", "Make a job of a schedule at once."),
        ("next", "schedule_ticks:following", "When a schedule, or an expression, is due next."),
        ("ticks", "schedule_ticks:ticks", "What came of the ticks of a schedule."),
        ("backfill", "schedule_ticks:backfill", "Make the jobs of past ticks that have none."),
        ("delete", "schedule:delete", "Remove a schedule; its jobs stay."),
    )),
    ("type", _AROUND, "Types of jobs: what there is, and what input each wants.", (
        ("list", "types:types", "Every type that is known, and who runs it."),
        ("show", "types:show_type", "One type: what it does, its input, how to enqueue one."),
        ("breakers", "breakers:breakers", "Which types' jobs wait because what they need is down."),
        ("breaker", "breakers:breaker", "Show or set the breaker of a type: auto, open, close, off."),
    )),
    ("worker", _AROUND, "Start workers, and see who works.", (
        ("start", "worker:start", "Work on queues until told to stop."),
        ("list", "worker:workers", "The workers, those alive first."),
        ("drain", "operating:drain", "Tell a worker to take no more jobs."),
        ("undrain", "operating:undrain", "Let a worker that drains take jobs again."),
    )),
    ("webhook", _AROUND, "Tell other systems what happens, by HTTP.", (
        ("create", "webhook:create", "Tell a URL what happens; its secret is printed this once."),
        ("list", "webhook:listed", "The webhooks of the workspace."),
        ("get", "webhook:get", "One webhook."),
        ("enable", "webhook:enable", "Tell it again."),
        ("disable", "webhook:disable", "Tell it nothing more."),
        ("remove", "webhook:remove", "Remove a webhook."),
        ("rotate", "webhook:rotate", "Give a webhook another secret."),
        ("deliveries", "webhook:delivered", "What was sent, and how it went."),
        ("replay", "webhook:replay", "Send again what did not arrive."),
    )),
    ("budget", _AROUND, "What jobs may use together, and what is left of it.", (
        ("list", "budget:listed", "Budgets, and how they stand."),
        ("set", "budget:set_", "Set a budget, or raise it; who waits for it goes on."),
        ("show", "budget:shown", "One budget, or all those that hold a job."),
        ("clear", "budget:clear", "Remove a budget."),
    )),
    ("audit", _AROUND, "Prove that the trail is whole.", (
        ("verify", "audit:verify", "Check the hash chains, the seals and the anchor."),
        ("export", "audit:export", "Write the trail out, one JSON object a line."),
    )),
    ("key", _HOUSE, "Keys, with which programs come in.", (
        ("create", "key:create", "Make a key; it is printed this once."),
        ("list", "key:listed", "The keys of the workspace."),
        ("revoke", "key:revoke", "Revoke keys for good."),
    )),
    ("workspace", _HOUSE, "Workspaces: each has its own jobs, keys and members.", (
        ("create", "workspace:create", "Open a workspace."),
        ("list", "workspace:listed", "The workspaces of the installation."),
        ("rename", "workspace:rename", "Give a workspace another name."),
        ("policy", "workspace:policy", "What a workspace allows its runners."),
        ("weight", "workspace:weight", "What share of the workers a workspace has beside others."),
        ("pause", "operating:pause", "Let workers take none of the workspace's jobs; what runs goes on."),
        ("resume", "operating:resume", "Let workers take the workspace's jobs again."),
    )),
    ("member", _HOUSE, "Who may do what in a workspace.", (
        ("add", "member:add", "Make a person a member."),
        ("list", "member:listed", "The members of the workspace."),
        ("role", "member:role", "Give a member another role."),
        ("remove", "member:remove", "Take a member out, with their keys."),
    )),
    ("group", _HOUSE, "People who are asked together at gates.", (
        ("create", "group:create", "Make a group, with members if you like."),
        ("add", "group:add", "Add people to a group."),
        ("remove", "group:remove", "Take people out of a group."),
        ("list", "group:listed", "The groups of the workspace and who is in them."),
        ("delete", "group:delete", "Remove a group."),
    )),
    ("user", _HOUSE, "People who log in.", (
        ("create", "user:create", "Make a person known."),
        ("list", "user:listed", "The people of the installation."),
        ("password", "user:password", "Give a person another password."),
        ("disable", "user:disable", "Shut a person out everywhere."),
        ("enable", "user:enable", "Let a person in again."),
    )),
    ("db", _HOUSE, "The database: make, look after, check.", (
        ("up", "db:up", "Bring the tables to the version that this program needs."),
        ("down", "db:down", "Stop the embedded database, or take migrations back with --to."),
        ("status", "db:status", "Which database it is, and how its tables stand."),
        ("prune", "db:prune", "Remove now what is past its retention."),
        ("check", "db:check", "Check connection, role, version, clock, settings and upkeep."),
    )),
)  # fmt: skip

_PIPE_WIDTH: Final = 120

_HELP: Final = """Runs work that takes long, costs money and must be explained afterwards.

Without JOBTRAIL_DATABASE_URL, a PostgreSQL of its own lives in .jobtrail/ of this folder."""
_EPILOGUE: Final = """Exit codes: 0 done, or the job completed · 1 unexpected · 2 usage · 3 the job failed · 4 not allowed ·
5 not found · 6 conflict · 7 cancelled or rejected · 8 still pending · 9 partly · 69 unreachable · 130 interrupted.
Any option --foo-bar can be given as JOBTRAIL_FOO_BAR, and settings in jobtrail.toml or [tool.jobtrail]."""


def tree(words: Sequence[str] = ()) -> App:
    """All commands. A call of it runs one and answers what that answers; errors pass through.

    `words`: the command line; where it asks for help and nobody's terminal limits it, lines are longer.
    """
    people = sys.stdout.isatty()
    app = App(
        name="jobtrail",
        help=_HELP,
        help_epilogue=_EPILOGUE,
        help_format="plaintext",
        help_formatter=None if people else "plain",
        console=None if people or not _asks_for_help(words) else _wide_console(),
        version=lambda: f"jobtrail {version('jobtrail')}",
        config=Twins("JOBTRAIL_", command=False),
        default_parameter=Parameter(show_default=False),
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for order, (name, function, group, help) in enumerate(_COMMANDS):
        app.command(f"jobtrail.cli.{function}", name=name, group=group, help=help, sort_key=order)
    for order, (noun, group, help, verbs) in enumerate(_NOUNS):
        branch = App(name=noun, help=help, group=group, sort_key=order, help_epilogue="")
        for place, (name, function, what) in enumerate(verbs):
            branch.command(f"jobtrail.cli.{function}", name=name, help=what, sort_key=place)
        app.command(branch)
    for flag in (*app.help_flags, *app.version_flags):
        app[flag].group = (_ALSO,)
    return app


def _asks_for_help(words: Sequence[str]) -> bool:
    return not words or bool({"--help", "-h"} & set(words)) or (len(words) == 1 and words[0] in {n for n, *_ in _NOUNS})


def _wide_console() -> Console:
    from rich.console import Console

    return Console(width=_PIPE_WIDTH)


def unknown(words: Sequence[str]) -> str | None:
    """What is wrong with the command that is named, before anything is imported to find out; None when it is one."""
    nouns = {noun: [name for name, *_ in verbs] for noun, _, _, verbs in _NOUNS}
    known, said = [*nouns, *(name for name, *_ in _COMMANDS)], ""
    for word in words[:2]:
        if word.startswith("-"):
            return None
        if word not in known:
            close = get_close_matches(word, known, n=1)
            there = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(known))}"
            return f"there is no command {f'{said} {word}'.strip()!r}; {there}"
        if word not in nouns:
            return None
        known, said = nouns[word], word
    return None


def nearest(words: Sequence[str]) -> str:
    """The command that a wrong command line comes closest to, for `--help`."""
    nouns = {noun: {name for name, *_ in verbs} for noun, _, _, verbs in _NOUNS}
    names = {name for name, *_ in _COMMANDS}
    if words and words[0] in names:
        return f"jobtrail {words[0]}"
    if words and words[0] in nouns:
        known = len(words) > 1 and words[1] in nouns[words[0]]
        return f"jobtrail {words[0]} {words[1]}" if known else f"jobtrail {words[0]}"
    return "jobtrail"


def global_last(words: list[str]) -> list[str]:
    """Options of every command may also stand first: `jobtrail -o json job list`."""
    first: list[str] = []
    while words and words[0] in (
        "-o",
        "--output",
        "--home",
        "--workspace",
        "--database-url",
        "--server-url",
        "--color",
    ):
        first += words[:2]
        words = words[2:]
        if words and words[0] == "--debug":
            first.append(words.pop(0))
    if words and words[0] == "--debug":
        return global_last([*words[1:], "--debug"])
    at = words.index("--") if "--" in words else len(words)
    return [*words[:at], *first, *words[at:]]
