"""Explicit DeletionPolicy and UpdateReplacePolicy of resources."""

from troposphere import Ref

DELETED = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
RETAINED = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}

# Data resources: retained or deleted by the setting data.retention. A policy may be a parameter without a transform
# (CloudFormation user guide, "Intrinsic function references in DeletionPolicy and UpdateReplacePolicy attributes").
AS_DATA = {"DeletionPolicy": Ref("DataRetention"), "UpdateReplacePolicy": Ref("DataRetention")}
