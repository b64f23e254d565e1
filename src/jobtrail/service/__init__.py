"""The verbs: functions that do no I/O and return a Query or a Flow. One module a noun; they never import each other."""
