"""`python -m data_versioning` is `dv`."""

from data_versioning.cli.main import start

if __name__ == "__main__":
    start()
