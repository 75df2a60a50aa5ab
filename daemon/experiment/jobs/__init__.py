"""Trainings as jobs in threads, for commands with many of them: what runs, several at once, what is
left of it, and how a job goes on where it was. It knows no command and no report."""
