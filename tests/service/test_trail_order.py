"""The order of all events: whoever reads them by transaction sees each job's events in their own order."""

from __future__ import annotations

from contextlib import closing

from database import Database
from scene import ME, Scene

from jobtrail.service import attempts, jobs
from jobtrail.store.db import ALL, Scope, run


def test_a_transaction_that_began_earlier_and_writes_later_does_not_turn_the_order_of_a_job_round(
    scene: Scene, database: Database
) -> None:
    first, second = scene.start(), scene.start()
    with closing(database.connect()) as early, early.transaction():
        scope = Scope(ALL, standing=True)
        run(early, attempts.progress(first, 10), scope)  # its transaction has its number from here on
        scene.do(jobs.cancel(scene.workspace, second.job_id, ME))
        run(early, attempts.progress(second, 10), scope)
    rows = scene.conn.execute("select job_id, seq, txid from jobtrail.events order by txid, job_id, seq").fetchall()
    for job_id in (first.job_id, second.job_id):
        seqs = [seq for id, seq, _ in rows if id == job_id]
        assert seqs == sorted(seqs)
    of_second = {seq: txid for id, seq, txid in rows if id == second.job_id}
    assert len(of_second) == 4 and of_second[4] == of_second[3], "the later event counts as of the later transaction"
