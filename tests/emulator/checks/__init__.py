"""One check per patch: what AWS does, shown by a small template and a few calls.

``test_patches.py`` runs each with the patch, where it must pass, and without, where it must
fail. A check must not depend on another patch of its module.
"""

from tests.emulator.checks import alarms, api, functions, imports, metrics, others, queues, stacks, storage
from tests.emulator.checks.common import CHECKS

__all__ = ["CHECKS", "alarms", "api", "functions", "imports", "metrics", "others", "queues", "stacks", "storage"]
