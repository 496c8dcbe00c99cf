"""What `fix` does about the twenty faulty programs: `python -m tests.benchmarks.programs`."""
