"""The Lambda functions: event in, domain call, response out."""
