"""The real handlers on a simulated AWS: schedules that nobody would think of.

One process holds the whole platform. A run begins with a seed and ends when a rule is broken or nothing is left to do:

- `choices`: the seed decides everything unusual, each choice by a key. Their record replays the run.
- `workload`: clients that repeat requests, partners' files, an operator, garbage on the queue.
- `scheduler`: the virtual clock. A handler is suspended inside a call (a greenlet); what is due next runs next.
- `seams`: the handlers see the virtual clock, tasks for threads, and ids that repeat. Nothing in them knows of it.
- `calls`: each call travels, takes effect at one moment, and its answer travels back; each part can fail, and the process
  can be killed in between.
- `dynamodb`, `queues`, `bucket`, `stream`, `functions`: the services, with the settings of `generator/`.
- `releases`, `settings`: a deployment in the middle, other settings, outages.
- `checker`: the rules. It compares the history with them at each effect, and at the end.
- `shrinking`: a run that breaks a rule is reduced to the choices that it needs, and printed as steps.
- `planted`: bugs that the checker must find.

Choices have keys, and are drawn from a hash of seed and key: taking one away changes no other, so shrinking is taking
away. Hypothesis was tried for this: it takes 110 µs a draw, and shrinks a sequence, in which each draw that goes shifts those
behind it. It compares the table in memory with moto (test_dynamodb).
"""

import os

# Before the handlers are imported: they create their clients at import.
os.environ.update(AWS_ACCESS_KEY_ID="simulated", AWS_SECRET_ACCESS_KEY="simulated", AWS_DEFAULT_REGION="us-east-1")
