"""What becomes of a resource that leaves its stack or is replaced, said rather than left to the default."""

from troposphere import Ref

DELETED = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
RETAINED = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}

# What holds data: kept or deleted as the environment says. A policy may be a parameter without a transform
# (CloudFormation user guide, "Intrinsic function references in DeletionPolicy and UpdateReplacePolicy attributes").
AS_DATA = {"DeletionPolicy": Ref("DataRetention"), "UpdateReplacePolicy": Ref("DataRetention")}
