"""What strangers write into fields, so that it runs when somebody looks: each would set a mark, ask elsewhere, or leave an
element called `pwned` behind."""

from __future__ import annotations

import itertools
import unicodedata
from typing import Final

RUN: Final = "window.ran=1"
PAYLOADS: Final = (
    f"<script pwned>{RUN}</script>",
    f"<img pwned src=x onerror={RUN}>",
    f"<svg pwned/onload={RUN}>",
    f'"><img pwned src=x onerror={RUN}>',
    f"'><svg pwned onload='{RUN}'>",
    f'" pwned autofocus onfocus="{RUN}" x="',
    f"' pwned onmouseover='{RUN}' x='",
    f"` pwned onclick={RUN} x=`",
    f"javascript:{RUN}",
    f"JaVa\tScript&colon;{RUN}//",
    f"javascript://example.org/%0a{RUN}",
    "data:text/html,<script pwned>parent.ran=1</script>",
    "{{7*7}}${7*7}#{7*7}<%=7*7%>{%7*7%}",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    "{{ ''.__class__.__mro__ }}{% include 'frame.html' %}",
    f"</script><script pwned>{RUN}</script>",
    f"</title></textarea></style></select><img pwned src=x onerror={RUN}>",
    f"--><script pwned>{RUN}</script><!--",
    f"]]><script pwned>{RUN}</script>",
    f"<a pwned href=javascript:{RUN}>x</a>",
    "<iframe pwned srcdoc='<script>parent.ran=1</script>'></iframe>",
    f"<div pwned hx-get=/api/v1/me hx-trigger=load hx-on::load={RUN} data-hx-on:click={RUN}>",
    f"<form pwned data-api='POST /api/v1/jobs' data-then='goto:javascript:{RUN}'><button>x</button></form>",
    "<hx-partial pwned hx-target='#main' hx-swap=innerHTML>gone</hx-partial>",
    "<base pwned href=//elsewhere.example/><link pwned rel=stylesheet href=//elsewhere.example/x.css>",
    "<meta pwned http-equiv=refresh content='0;url=//elsewhere.example/'>",
    "<style pwned>@import '//elsewhere.example/x.css';*{background:url(//elsewhere.example/b)}</style>",
    "<img pwned src=//elsewhere.example/x.png><video pwned poster=//elsewhere.example/y.png>",
    f"<math><mtext><table><mglyph><style><img pwned src=x onerror={RUN}>",
    f"\x1b]8;;javascript:{RUN}\x1b\\click me\x1b]8;;\x1b\\ \x1b[31mred\x1b[0m",
    f'\x1b]8;;https://example.org/" pwned onclick="{RUN}\x1b\\click\x1b]8;;\x1b\\',
    f'https://example.org/"onclick="{RUN}" pwned http://example.org/<img pwned src=x onerror={RUN}>',
    "\u202etxt.exe\u202c \u2066gpj.eteled\u2069 \u200bzero\u200b",
    "\uff1cscript pwned\uff1e\uff1c/script\uff1e \u2028 \u2029 \u0085 \ufeff",
    f"%3Cscript pwned%3E{RUN}%3C/script%3E%00%0d%0aSet-Cookie:x=1",
    f"&lt;script pwned&gt;{RUN}&lt;/script&gt;&quot;&#x27;",
    f"\\u003cscript pwned\\u003e\\x3cimg\\x3e \\\" \\' {RUN}",
    "__proto__",
    "constructor.prototype.ran",
    "../../../../etc/passwd",
    "?a=b&c=d#e;f,g h+i",
    "=cmd|' /C calc'!A0",
)
"""Each is at most 200 bytes, so that it fits into every name."""

LONG: Final = {"title": 1_000, "task title": 1_000, "description": 1_000, "webhook description": 900, "reason": 900, "prompt": 9_000,
               "input": 9_000, "input key": 9_000, "config": 9_000, "output": 9_000, "result": 9_000, "error": 3_000, "stack": 9_000,
               "step error": 3_000, "log line": 9_000, "detail": 9_000, "detail key": 2_000, "summary": 900, "question": 3_500,
               "comment": 900, "form title": 2_000, "form field": 2_000, "form default": 2_000, "form choice": 2_000, "schema": 2_000,
               "payload": 3_000, "policy": 2_000, "wait message": 2_000}  # fmt: skip
"""Fields that take more than a name, in bytes."""

ANYTHING: Final = {"input", "input key", "config", "output", "result", "error", "stack", "step error", "log line", "detail",
                  "detail key", "summary", "payload", "prompt", "policy"}  # fmt: skip
"""Fields that take control characters; the door keeps them out of all others."""

PLAIN_ONLY: Final = {"mail"}
"""Fields that take no such thing: their checks have tests of their own."""


class Stranger:
    """Says strange things. Each round begins elsewhere in the list, so that after enough rounds each field has had all."""

    def __init__(self, number: int) -> None:
        self._next = itertools.count(number * 7)
        self.said: set[str] = set()

    def __call__(self, field: str, plain: str) -> str:
        if field in PLAIN_ONLY:
            return plain
        text = self._one()
        room = LONG.get(field, 0)
        for _ in PAYLOADS:
            more = f"{text} {self._one()}"
            if len(more.encode()) > room:
                break
            text = more
        if field not in ANYTHING:
            text = "".join(each for each in text if unicodedata.category(each) not in ("Cc", "Cf", "Zl", "Zp"))
        if field == "webhook path":
            text = "".join(each for each in text if each.isascii() and each.isprintable() and each not in ' \\^`{|}<>"')
        if field == "filter":
            text = '"' + text.replace('"', "").replace("\\", "") + '"'
        self.said.add(text)
        return text

    def _one(self) -> str:
        return PAYLOADS[next(self._next) % len(PAYLOADS)]
