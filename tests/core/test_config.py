"""Settings from tables, environment and flags."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from jobtrail.core.config import READERS, Config, from_env, from_toml, resolve
from jobtrail.core.errors import Invalid


def problems(*layers: dict[str, object]) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        resolve(*layers)
    return caught.value.fields


def test_nothing_set_gives_the_defaults() -> None:
    config = resolve()
    assert config == Config()
    assert (config.database_url, config.home, config.workspace) == (None, Path(".jobtrail"), "default")
    assert (config.lease_seconds, config.beat_seconds, config.poll_seconds) == (10.0, 3.0, 1.0)
    assert (config.grace_seconds, config.drain_seconds) == (10.0, 60.0)
    assert (config.uploaded_asset_max_bytes, config.generated_asset_max_bytes) == (10 * 2**20, 500 * 2**20)
    days = {name: getattr(config, name) for name in READERS if name.startswith("retention_")}
    assert list(days.values()) == [365, 30, 30, 365, 90, 30]


def test_every_setting_has_a_reader_and_every_default_passes_it() -> None:
    fields = {each.name: each.default for each in dataclasses.fields(Config)}
    assert set(READERS) == set(fields) - {"notices"}
    given = {name: "forever" if value is None and "days" in name else value for name, value in fields.items()}
    assert resolve(given) == Config()


def test_later_layers_win_and_none_is_unset() -> None:
    table, environment, flags = (
        {"slots": 1, "app": "a:b", "color": "never"},
        {"slots": "2", "app": "c:d"},
        {"slots": 3, "app": None},
    )
    config = resolve(table, environment, flags)
    assert (config.slots, config.app, config.color) == (3, "c:d", "never")


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("lease_seconds", "20s", 20.0),
        ("lease_seconds", "15", 15.0),
        ("lease_seconds", 12, 12.0),
        ("drain_seconds", "1h30m", 5_400.0),
        ("drain_seconds", "PT5M", 300.0),
        ("poll_seconds", "250ms", 0.25),
        ("grace_seconds", 0, 0.0),
        ("generated_asset_max_bytes", "500MB", 500 * 2**20),
        ("generated_asset_max_bytes", "1.5 GiB", 3 * 2**29),
        ("uploaded_asset_max_bytes", "10kb", 10_240),
        ("uploaded_asset_max_bytes", 4096, 4096),
        ("uploaded_asset_max_bytes", "4096", 4096),
        ("queues", "io, media ,io,", ("io", "media")),
        ("queues", ["io", "media"], ("io", "media")),
        ("slots", "16", 16),
        ("pgbouncer", "yes", True),
        ("pgbouncer", "OFF", False),
        ("pgbouncer", True, True),
        ("home", "/var/lib/jobtrail", Path("/var/lib/jobtrail")),
        ("anchor_file", Path("a"), Path("a")),
        ("app", "package.module:app", "package.module:app"),
        ("database_url", "host=db user=me password='a b'", "host=db user=me password='a b'"),
        ("database_url", "postgres://me@db/prod", "postgres://me@db/prod"),
        ("server_url", "http://127.0.0.1:4400", "http://127.0.0.1:4400"),
        ("retention_trail_days", "forever", None),
        ("retention_trail_days", "90", 90),
        ("log_format", "json", "json"),
    ],
)
def test_values_become_what_the_setting_needs(name: str, value: object, read: object) -> None:
    found = getattr(resolve({name: value}), name)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slots", 0), ("slots", 10_001), ("slots", "x"), ("slots", True), ("slots", 2.5), ("slots", "٣"), ("slots", -1),
        ("processes", "1 "), ("lease_seconds", "soon"), ("lease_seconds", "nan"), ("lease_seconds", float("inf")),
        ("lease_seconds", True), ("lease_seconds", 0.5), ("lease_seconds", []), ("poll_seconds", 0), ("queues", 5),
        ("queues", ["a", ""]), ("queues", ["a\x00"]), ("workspace", " "), ("workspace", "x" * 256), ("app", "module"),
        ("app", "a:b; import os"), ("app", "a-b:c"), ("server_url", "ftp://x"), ("server_url", "jobs.example.org"),
        ("database_url", "mysql://x"), ("home", 5), ("home", ""), ("pgbouncer", "maybe"), ("pgbouncer", 2),
        ("uploaded_asset_max_bytes", "5 XB"), ("uploaded_asset_max_bytes", 0), ("uploaded_asset_max_bytes", True),
        ("uploaded_asset_max_bytes", "-1"), ("uploaded_asset_max_bytes", "9000TB"), ("retention_logs_days", 0),
        ("retention_logs_days", "never"), ("log_format", "xml"), ("log_format", []), ("color", "blue"),
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_refused(name: str, value: object) -> None:
    assert list(problems({name: value})) == [name]


def test_all_problems_are_said_at_once() -> None:
    found = problems({"slots": "x", "slotz": 1}, {"color": "blue"})
    assert set(found) == {"slots", "slotz", "color"}
    assert found["slotz"] == "there is no such setting; did you mean slots?"
    assert "(it is 'x')" in found["slots"]


def test_a_setting_like_none_gets_no_suggestion() -> None:
    assert problems({"xyzzy": 1}) == {"xyzzy": "there is no such setting"}


def test_a_bad_value_in_a_lower_layer_does_not_matter_when_it_is_overridden() -> None:
    assert resolve({"slots": "x"}, {"slots": 2}).slots == 2


def test_beats_must_leave_room_for_a_missed_one() -> None:
    assert list(problems({"lease_seconds": 5})) == ["beat_seconds"]
    assert resolve({"lease_seconds": 5, "beat_seconds": 2.5}).beat_seconds == 2.5


def test_the_environment_is_read_by_its_twins() -> None:
    layer = from_env({"JOBTRAIL_SLOTS": "4", "JOBTRAIL_LEASE_SECONDS": "20s", "PATH": "/bin", "JOBTRAIL_APP": ""})
    assert layer == {"slots": "4", "lease_seconds": "20s", "notices": ()}
    assert resolve(layer).slots == 4


def test_every_setting_has_a_twin() -> None:
    environ = {"JOBTRAIL_" + name.upper(): "x" for name in READERS}
    assert set(from_env(environ)) == {*READERS, "notices"}


def test_a_misspelt_variable_is_a_notice_and_a_strange_one_is_nothing() -> None:
    layer = from_env({"JOBTRAIL_SLOTZ": "4", "JOBTRAIL_JOB_ID": "1", "SLOTS": "5"})
    assert layer == {"notices": ("JOBTRAIL_SLOTZ is not a setting; did you mean JOBTRAIL_SLOTS?",)}
    assert resolve(layer).notices == layer["notices"]


def test_the_database_of_another_program_is_not_used_but_mentioned() -> None:
    config = resolve(from_env({"DATABASE_URL": "postgresql://app:pw@db/prod"}))
    assert config.database_url is None
    assert len(config.notices) == 1
    assert "set JOBTRAIL_DATABASE_URL" in config.notices[0]
    assert "pw" not in config.notices[0]
    both = {"DATABASE_URL": "postgresql://a/b", "JOBTRAIL_DATABASE_URL": "postgresql://c/d"}
    assert resolve(from_env(both)).database_url == "postgresql://c/d"
    assert resolve(from_env(both)).notices == ()


def test_no_color_is_heard_unless_ours_says_otherwise() -> None:
    assert resolve(from_env({"NO_COLOR": "1"})).color == "never"
    assert resolve(from_env({"NO_COLOR": ""})).color == "auto"
    assert resolve(from_env({"NO_COLOR": "1", "JOBTRAIL_COLOR": "always"})).color == "always"


def test_a_table_may_be_nested_and_use_dashes() -> None:
    table = {"slots": 4, "log-format": "json", "retention": {"trail-days": "forever", "logs_days": 7}, "queues": ["a"]}
    config = resolve(from_toml(table))
    assert (config.slots, config.log_format, config.queues) == (4, "json", ("a",))
    assert (config.retention_trail_days, config.retention_logs_days) == (None, 7)
    assert list(problems(from_toml({"retention": {"trial_days": 3}}))) == ["retention_trial_days"]


@pytest.mark.parametrize("secret", ["database_url", "api_key"])
def test_secrets_are_neither_in_the_repr_nor_in_errors(secret: str) -> None:
    config = resolve({"database_url": "postgresql://me:hunter2@db/x", "api_key": "hunter2"})
    assert "hunter2" not in repr(config)
    wrong: Any = ["hunter2"]
    with pytest.raises(Invalid) as caught:
        resolve({secret: wrong, "api_keyy": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_files_of_jobs_are_kept_at_home_unless_said_otherwise() -> None:
    assert resolve({"home": "/x"}).assets == Path("/x/assets")
    assert resolve({"home": "/x", "assets_dir": "/y"}).assets == Path("/y")
