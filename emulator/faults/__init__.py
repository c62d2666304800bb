"""Faults on demand: latency, errors and throttles in the calls that functions send to AWS services.

``rules`` reads and checks a file of rules; ``session`` asks a running emulator to inject them; ``injection`` is the part
that runs in the emulator; ``calls`` recognizes service and operation of a request.
"""

FAULTS_PATH = "/_emulator/faults"
