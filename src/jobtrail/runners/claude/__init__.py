"""The `claude` runner: Claude Code without a terminal, as a job.

Pure: `spec`, `argv`, `facts`, `stream`, `told`, `progress`, `limits`, `verdict`, `ledger`, `spend`, `answer`, `question`.
The others start it, listen to it, and file what it says: `agent` is an attempt, `turn` one invocation.
"""
