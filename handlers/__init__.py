"""The Lambda functions: event in, domain call, response out."""

import gc

# Imports create about a hundred thousand objects that are never freed: with the default threshold, garbage collection
# would take a tenth of a cold start.
gc.set_threshold(100_000)
