"""For those who change a function: start its process to see whether it can, or run it under a debugger.

``client`` asks a running emulator; ``serving`` is the part that runs in the emulator.
"""

START_PATH = "/_emulator/start"
DEBUG_PATH = "/_emulator/debug"
