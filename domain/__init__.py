"""Orders: rules, formats and files. Pure Python: no AWS, no HTTP, no clock."""
