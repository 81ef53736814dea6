"""The tasks, one module each: pure functions from what was understood to the task's result."""
