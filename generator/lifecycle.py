"""What becomes of a resource that leaves its stack or is replaced, said rather than left to the default."""

DELETED = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
RETAINED = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
