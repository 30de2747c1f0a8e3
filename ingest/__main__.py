"""`python -m ingest` runs a worker."""

from ingest.worker import main

if __name__ == "__main__":
    main()
