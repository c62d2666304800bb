"""The Lambda functions: event in, domain call, response out."""

import gc

# Importing makes some hundred thousand objects that all stay: looking for
# garbage among them, time and again, costs a tenth of a cold start.
gc.set_threshold(100_000)
