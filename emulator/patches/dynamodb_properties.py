"""AWS::DynamoDB::Table: properties that upstream drops, and protections it does not heed."""

from emulator.handlers import after, before, handler_of, insist, truth
from emulator.registry import patch

TABLE = "AWS::DynamoDB::Table"


@patch
def table_time_to_live() -> None:
    """Upstream ignores TimeToLiveSpecification; the service itself has it. The patch applies
    it through UpdateTimeToLive, at creation and on update."""
    from ministack.services import dynamodb

    def apply(name, new, old):
        wanted, had = new.get("TimeToLiveSpecification"), old.get("TimeToLiveSpecification")
        if wanted == had:
            return
        specification = wanted or {**had, "Enabled": False}
        enabled = truth(specification.get("Enabled", True))
        if enabled != (dynamodb._ttl_settings.get(name) or {}).get("TimeToLiveStatus", "").startswith("ENABL"):
            insist(
                dynamodb._update_ttl(
                    {
                        "TableName": name,
                        "TimeToLiveSpecification": {
                            "AttributeName": specification["AttributeName"],
                            "Enabled": enabled,
                        },
                    }
                ),
                TABLE,
            )

    after(TABLE, apply)


@patch
def table_point_in_time_recovery() -> None:
    """Upstream ignores PointInTimeRecoverySpecification; the service itself has it."""
    from ministack.services import dynamodb

    def apply(name, new, old):
        wanted = new.get("PointInTimeRecoverySpecification")
        if wanted != old.get("PointInTimeRecoverySpecification"):
            enabled = truth((wanted or {}).get("PointInTimeRecoveryEnabled", False))
            insist(
                dynamodb._update_continuous_backups(
                    {"TableName": name, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled}}
                ),
                TABLE,
            )

    after(TABLE, apply)


@patch
def table_encryption() -> None:
    """Upstream ignores SSESpecification at creation (it heeds it on update)."""
    from ministack.services import dynamodb

    def apply(name, new, old):
        wanted = new.get("SSESpecification")
        if wanted and not old:
            insist(
                dynamodb._update_table(
                    {
                        "TableName": name,
                        "SSESpecification": {
                            ("Enabled" if key == "SSEEnabled" else key): value for key, value in wanted.items()
                        },
                    }
                ),
                TABLE,
            )

    after(TABLE, apply)


@patch
def table_deletion_protection() -> None:
    """Upstream deletes a protected table with its stack. AWS refuses, and the stack's delete
    fails. It also lets a new table take the name, and the items, of an existing one."""
    from ministack.services import dynamodb

    handler = handler_of(TABLE)
    delete = handler["delete"]

    def delete_unprotected(name, props):
        table = dynamodb._tables.get(name)
        if table and truth(table.get("DeletionProtectionEnabled", False)):
            insist(dynamodb._delete_table({"TableName": name}), TABLE)
        delete(name, props)

    def refuse_existing(logical_id, props, stack_name):
        if props.get("TableName") in dynamodb._tables:
            raise ValueError(f"Resource of type '{TABLE}' with identifier '{props['TableName']}' already exists.")
        return create(logical_id, props, stack_name)

    create = handler["create"]
    handler.update(create=refuse_existing, delete=delete_unprotected)


@patch
def table_deletion_protection_text() -> None:
    """Upstream keeps a parameter's text, "false", where AWS knows a boolean: the table then tells that
    it is protected, and refuses to be deleted."""
    from ministack.services import dynamodb

    def apply(name, new, old):
        table = dynamodb._tables[name]
        table["DeletionProtectionEnabled"] = truth(table.get("DeletionProtectionEnabled", False))

    after(TABLE, apply)


@patch
def table_key_attributes() -> None:
    """Upstream accepts a table whose keys name attributes that are not defined, and defined
    attributes that no key uses; DynamoDB refuses both when the table is made."""

    def check(props):
        defined = {attribute["AttributeName"] for attribute in props.get("AttributeDefinitions") or []}
        schemas = [props.get("KeySchema") or []] + [
            index["KeySchema"]
            for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
            for index in props.get(kind) or []
        ]
        used = {key["AttributeName"] for schema in schemas for key in schema}
        if used != defined:
            raise ValueError(
                "One or more parameter values were invalid: Some AttributeDefinitions are not used or some index key "
                f"attributes are not defined. AttributeDefinitions: {sorted(defined)}, keys used: {sorted(used)}"
            )

    before(TABLE, check)
