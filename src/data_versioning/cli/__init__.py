"""The command `dv`: parse, call one operation, render."""
