"""The Git repository we live in, through the program `git`."""
