"""The Python classes people use in scripts and notebooks."""
