"""The language of searches is read, told back in its plainest form, and refused with a place and a suggestion."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core.errors import Invalid
from jobtrail.core.filter import Filter, both, pattern
from jobtrail.core.filter_language import LONGEST, Search, Term, Unreadable, Value, parse
from jobtrail.core.status import JobStatus, WaitReason

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ID = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        ("status:failed,CANCELLED", {"statuses": (JobStatus.FAILED, JobStatus.CANCELLED)}),
        ("state:failed kind:render", {"statuses": (JobStatus.FAILED,), "types": ("render",)}),
        ("type:a,b type:b,c", {"types": ("b",)}),
        ("type:a type:b", {"types": ()}),
        ("-type:a -type:b,c", {"exclude_types": ("a", "b", "c")}),
        ("queue:io -status:RUNNING", {"queues": ("io",), "exclude_statuses": (JobStatus.RUNNING,)}),
        ("tag:a", {"tags": ("a",)}),
        ("tag:a tag:b", {"tags": ("b",), "all_tags": ("a",)}),
        ("tag:a,b tag:c -tag:d", {"tags": ("a", "b"), "all_tags": ("c",), "exclude_tags": ("d",)}),
        (f"task:{ID} project:{ID} parent:{ID}", dict.fromkeys(("task_id", "project_id", "parent_id"), UUID(ID))),
        ("id:01890a5d-ac96", {"id_prefix": "01890a5dac96"}),
        ("id:099A8057", {"id_suffix": "099a8057"}),
        (f"id:{ID},{UUID(int=7)}", {"ids": (UUID(ID), UUID(int=7))}),
        (f"id:{ID},{UUID(int=7)} id:{UUID(int=7)},{UUID(int=8)}", {"ids": (UUID(int=7),)}),
        ('error:boom,"timed out"', {"error": ("boom", "timed out")}),
        ("-error:boom", {"exclude_error": ("boom",)}),
        ("input.customer:42", {"input": (('{"customer": "42"}', '{"customer": 42}'),)}),
        ('args.a.b:"42"', {"input": (('{"a": {"b": "42"}}',),)}),
        ("input.n:1e999", {"input": (('{"n": "1e999"}',),)}),
        ("-input.done:true", {"exclude_input": ('{"done": "true"}', '{"done": true}')}),
        ("input.url:https://example.org/?a=b", {"input": (('{"url": "https://example.org/?a=b"}',),)}),
        ("priority>=HIGH", {"priority": (8, 9, 10)}),
        ("priority:1,low", {"priority": (1, 2)}),
        ("-priority:low priority<4", {"priority": (1, 3)}),
        ("attempts>2 attempts<=9", {"min_attempts": 3, "max_attempts": 9}),
        ("attempts:3", {"min_attempts": 3, "max_attempts": 3}),
        ("duration>5m duration<1h30m", {"min_seconds": 300.0, "max_seconds": 5_400.0}),
        ("age<1d", {"created_after": NOW - timedelta(days=1)}),
        ("age>1h age>2h", {"created_before": NOW - timedelta(hours=2)}),
        ("wait:retry -wait:gate", {"wait_reason": (WaitReason.RETRY,), "exclude_wait_reason": (WaitReason.GATE,)}),
        ("stage:encoding,rendering", {"stage": ("encoding", "rendering")}),
        ('foo,bar -baz "timed out"', {"text": ("foo,bar", "timed out"), "exclude_text": ("baz",)}),
        ('"type:x"', {"text": ("type:x",)}),
        (r'tag:"a \"b\" \\ c"', {"tags": ('a "b" \\ c',)}),
        ('tag:"a,b",c', {"tags": ("a,b", "c")}),
        ("\t status:failed\n", {"statuses": (JobStatus.FAILED,)}),
    ],
)  # fmt: skip
def test_a_search_means_a_filter(text: str, wanted: dict[str, Any]) -> None:
    search = parse(text)
    assert search.filter(NOW) == Filter(**wanted)
    assert parse(str(search)) == search
    assert parse(str(search)).filter(NOW) == Filter(**wanted)


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("stauts:failed", 1, "did you mean status"),
        ("type:a status:faild", 8, "did you mean FAILED"),
        ("status:x", 1, "PENDING"),
        ("http://example.org", 1, "quote what is only text"),
        ('type:a "open', 8, "not closed"),
        ('type:"', 6, "not closed"),
        ("type:", 6, "needs a value"),
        ("type:a,", 7, "missing after the comma"),
        ("type:a,,b", 8, "ends in the middle"),
        ('tag:"a"b', 5, "ends in the middle"),
        ('foo"bar baz"', 1, "around all of it"),
        ('tag:""', 5, "nothing in the quotation marks"),
        ("type>3", 5, "cannot be compared"),
        ("age:5m", 4, "age>5m"),
        ("attempts>1,2", 13, "one value only"),
        ("attempts>x", 1, "whole number"),
        ("age>5", 1, "write for example"),
        ("age>9999999d", 1, "before all time"),
        ("priority>11", 1, "URGENT"),
        ("x task:y", 3, "is not an id"),
        (f"task:{ID},{ID}", 1, "only one id"),
        ("id:xyz", 1, "hex digits"),
        ("id:ab", 1, "4 to 32"),
        (f"id:{ID},beef", 1, "each must be whole"),
        ("input:3", 1, "input.customer:42"),
        ("input.a..b:3", 1, "path"),
        ("-", 1, "minus"),
        ("-attempts>3", 1, "turn the comparison round"),
        (f"-task:{ID}", 1, "cannot be negated"),
        ("tag:a,b tag:c,d", 9, "two sets of tags"),
        ("error:a error:b", 9, "two sets of error"),
        ("x" * (LONGEST + 1), LONGEST + 1, "characters"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, position: int, said: str) -> None:
    with pytest.raises(Unreadable, match=f"^at character {position}: ") as refused:
        parse(text)
    assert said in refused.value.message
    assert refused.value.position == position
    assert refused.value.fields == {"q": refused.value.message}


QUOTABLE = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)
WORDS = st.one_of(st.from_regex(r"[a-z0-9_./:<=-]{1,8}", fullmatch=True), QUOTABLE)
"""Values as people give them, plain and strange."""


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


TERMS = st.one_of(
    st.builds(lambda key, values: f"{key}:{','.join(map(quoted, values))}",
              st.sampled_from(["type", "kind", "queue", "-queue", "-tag", "stage", "-error", "input.a.b", "-args.x"]),
              st.lists(WORDS, min_size=1, max_size=3)),
    st.builds(lambda minus, text: minus + quoted(text), st.sampled_from(["", "-"]), WORDS),
    st.sampled_from(["status:failed", "-state:RUNNING", "priority>=3", "attempts<7", "duration>5m", "age<2h", "id:beef",
                     "wait:retry", f"task:{ID}", "input.n:42,true,-1.5", "plain", "plain,with,commas"]),
)  # fmt: skip


@given(st.lists(TERMS, max_size=6).map(" ".join))
def test_a_search_told_back_is_the_same_search(text: str) -> None:
    search = parse(text)
    assert parse(str(search)) == search
    assert parse(str(search)).filter(NOW) == search.filter(NOW)
    assert str(parse(str(search))) == str(search)


@given(st.lists(WORDS, min_size=1, max_size=3), st.booleans())
def test_what_is_quoted_arrives_as_it_is(values: list[str], negated: bool) -> None:
    found = parse(f"{'-' * negated}queue:{','.join(map(quoted, values))}").filter(NOW)
    assert (found.exclude_queues if negated else found.queues) == tuple(values)


@given(WORDS)
def test_a_piece_of_input_is_always_json(value: str) -> None:
    found = parse(f"input.a:{quoted(value)}").filter(NOW)
    assert found.input is not None
    assert [json.loads(piece) for piece in found.input[0]] == [{"a": value}]


@given(st.text(max_size=40))
def test_whatever_people_type_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    try:
        search = parse(text)
    except Unreadable as refused:
        assert 1 <= refused.position <= len(text) + 1
    else:
        assert parse(str(search)) == search


def test_terms_are_the_same_wherever_they_stand() -> None:
    here, there = Term("type", ":", (Value("a"),), False, 1), Term("type", ":", (Value("a"),), False, 9)
    assert Search((here,)) == Search((there,)) and hash(here) == hash(there)
    assert here != Term("type", ":", (Value("a"),), True, 1)


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        (Filter(), Filter(types=("a",)), Filter(types=("a",))),
        (Filter(task_id=UUID(ID)), Filter(task_id=UUID(int=1)), None),
        (Filter(id_prefix="01"), Filter(id_prefix="0189"), Filter(id_prefix="0189")),
        (Filter(id_prefix="01"), Filter(id_prefix="02"), None),
        (Filter(id_suffix="ab"), Filter(id_suffix="cdab"), Filter(id_suffix="cdab")),
        (
            Filter(min_attempts=2, max_seconds=9),
            Filter(min_attempts=3, max_seconds=4),
            Filter(min_attempts=3, max_seconds=4),
        ),
        (Filter(statuses=(JobStatus.FAILED,)), Filter(exclude_statuses=(JobStatus.FAILED,)), None),
        (Filter(input=(("1",),)), Filter(input=(("2", "3"),)), Filter(input=(("1",), ("2", "3")))),
    ],
)
def test_two_filters_become_one_that_both_let_pass(one: Filter, other: Filter, wanted: Filter | None) -> None:
    for joined in (both(one, other), both(other, one)):
        if wanted is None:
            assert not joined.allowed
        elif wanted.input is None:
            assert joined == wanted
        else:
            assert set(joined.input or ()) == set(wanted.input)


@pytest.mark.parametrize("wrong", [{"id_prefix": "xyz"}, {"id_suffix": ""}, {"created_after": datetime(2026, 1, 1)}])  # noqa: DTZ001
def test_a_filter_refuses_what_it_cannot_mean(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        Filter(**wrong)
    assert set(refused.value.fields) == set(wrong)


def test_a_pattern_takes_every_character_for_itself() -> None:
    assert pattern(r"50%_\A") == r"%50\%\_\\a%"
