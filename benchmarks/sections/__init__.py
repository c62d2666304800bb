"""What is measured: each module is a section of the report, and has `measure(effort) -> rows`."""
