"""Who writes in these tests: threads that enqueue, run and end jobs, and keep transactions open meanwhile."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from database import Database
from scene import Scene, fence_of

from jobtrail.service import attempts


def write(database: Database, seed: int, rounds: int, jobs: int, *, long: bool = True, a_second: float = 1e9) -> None:
    """Jobs from their beginning to their end, `jobs` a round: 4 events each, so many rounds `a_second` at most. Every
    now and then a transaction begins, writes, and commits or rolls back only some rounds later."""
    began, pace = time.monotonic(), threading.Event()
    random_ = random.Random(seed)
    mine = f"w{seed}"
    with closing(database.connect()) as conn, closing(database.connect()) as slow:
        scene, waiting = Scene(conn), Scene(slow)
        slow.autocommit = False
        ends = -1
        for number in range(rounds):
            pace.wait(max(began + number / a_second - time.monotonic(), 0.0))
            if long and ends < 0 and random_.random() < 0.3:
                waiting.enqueue_many(random_.randint(1, 5), type=f"{mine}-slow")
                ends = number + random_.randint(1, 5)
            scene.enqueue_many(jobs, type=mine, queue=mine)
            fences = [fence_of(one, scene.worker) for one in scene.claim(jobs, queue=mine, types=(mine,))]
            for fence in fences:
                scene.do(attempts.progress(fence, 50))
            scene.do(attempts.complete([attempts.Completed(fence) for fence in fences]))
            if number == ends:
                ends = -1
                if random_.random() < 0.8:
                    slow.commit()
                else:
                    slow.rollback()
        slow.commit()


@contextmanager
def writers(database: Database, count: int, rounds: int, jobs: int) -> Iterator[list[threading.Thread]]:
    """So many at once; the block ends when they have ended."""
    threads = [threading.Thread(target=write, args=(database, seed, rounds, jobs)) for seed in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        for thread in threads:
            thread.join()
