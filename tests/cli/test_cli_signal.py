"""`jobtrail job signal`: what is said, to which job, and what it says of it."""

from __future__ import annotations

from cli.terminal import Terminal
from scene import WORKSPACE, Scene

from jobtrail.core.ids import short
from jobtrail.service import signals


def test_a_signal_is_kept_and_its_first_word_counts(jobtrail: Terminal, scene: Scene) -> None:
    job_id = scene.enqueue()
    said = jobtrail.ok("job", "signal", short(job_id), "paid", "eur=5", "tip:=true", "-o", "json")
    assert said.data == {"job_id": str(job_id), "name": "paid", "is_new": True, "status": "QUEUED"}
    found = scene.do(signals.signalled(WORKSPACE, job_id, "paid"))
    assert found is not None and found.payload == {"eur": "5", "tip": True}
    again = jobtrail.ok("job", "signal", "@last", "paid", "--input", '{"eur": 6}')
    assert "the first one counts" in again.err
    scene.complete(scene.again(job_id))
    assert jobtrail("job", "signal", str(job_id), "late").code == 6
    assert jobtrail("job", "signal", "ffff", "paid").code == 5
