"""The API keys of partners. API Gateway is their only register: a key's name has its partner, its tags have the tier.

A key that is in no usage plan opens nothing. It is left of a run that did not end, or a rollback to a version without
tiers has deleted its plan.
"""

import secrets
import string
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from config import names
from contract import partners
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.options import Options
from deployer.stacks import outputs

if TYPE_CHECKING:
    from mypy_boto3_apigateway.type_defs import PaginatorConfigTypeDef

_TIER = "Tier"
_LARGEST_PAGES: "PaginatorConfigTypeDef" = {"PageSize": 500}
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Key:
    """An API key of a partner; its value is read nowhere. `plan`: the tier whose usage plan it is in, or ""."""

    id: str
    partner: str
    tier: str
    created: datetime
    enabled: bool = True
    plan: str = ""


@dataclass(frozen=True)
class Registry:
    """The keys of an environment's partners. `plans`: tier -> id of its usage plan."""

    aws: Aws
    environment: str
    plans: Mapping[str, str]

    def keys(self, partner: str = "") -> list[Key]:
        """Return the keys of a partner, or of all, by partner and age."""
        plan_of = self._plans_of_keys()
        return [
            Key(**{**vars(key), "plan": plan_of.get(key.id, "")})
            for key in of_environment(self.aws, self.environment)
            if partner in ("", key.partner)
        ]

    def _plans_of_keys(self) -> dict[str, str]:
        """Return id -> tier of its usage plan. API Gateway answers with the values, too, which go no further."""
        pages = self.aws.client("apigateway").get_paginator("get_usage_plan_keys")
        name = names.partner_key(self.environment, "")
        return {
            each["id"]: tier
            for tier, plan in self.plans.items()
            for page in pages.paginate(usagePlanId=plan, nameQuery=name, PaginationConfig=_LARGEST_PAGES)
            for each in page["items"]
        }

    def grant(self, partner: str, tier: str) -> tuple[str, str]:
        """Make a key in the tier's usage plan; return its id and its value. Leaves none if that fails."""
        value = partners.key_of(
            partner, tier, "".join(secrets.choice(_ALPHABET) for _ in range(partners.RANDOM_LENGTH))
        )
        key_id = self._create(partner, tier, value)
        try:
            self._add_to_plan(key_id, tier)
        except BaseException:
            delete(self.aws, key_id)
            raise
        return key_id, value

    def _create(self, partner: str, tier: str, value: str) -> str:
        """Create the key; return its id, even if the answer was lost: the value is the only one of its kind."""
        try:
            return self.aws.client("apigateway").create_api_key(
                name=names.partner_key(self.environment, partner),
                description=f"Key of partner {partner}, {tier}",
                enabled=True,
                value=value,
                tags={**names.tags(self.environment), names.PARTNER_TAG: partner, _TIER: tier},
            )["id"]
        except Exception as error:
            if not (service_errors.is_transient(error) or service_errors.code_of(error) == "ConflictException"):
                raise
            if found := self._with_value(partner, value):
                return found
            raise

    def _with_value(self, partner: str, value: str) -> str:
        gateway = self.aws.client("apigateway")
        of_partner = (key.id for key in of_environment(self.aws, self.environment) if key.partner == partner)
        return next(
            (each for each in of_partner if gateway.get_api_key(apiKey=each, includeValue=True)["value"] == value), ""
        )

    def _add_to_plan(self, key_id: str, tier: str) -> None:
        gateway = self.aws.client("apigateway")
        with suppress(gateway.exceptions.ConflictException):  # the answer to an attempt before was lost
            gateway.create_usage_plan_key(usagePlanId=self.plans[tier], keyId=key_id, keyType="API_KEY")


def registry(aws: Aws, stack: Mapping[str, Any], options: Options) -> Registry:
    """Raises Failure(PREFLIGHT) if the deployed version has no usage plans of partners."""
    outputs_of = {tier: names.usage_plan_output(tier) for tier in partners.TIERS}
    known = outputs.needed(aws, stack, options, outputs_of.values())
    return Registry(aws, options.env, {tier: known[output] for tier, output in outputs_of.items()})


def of_environment(aws: Aws, environment: str) -> list[Key]:
    """Return the keys of all partners, by partner and age, without their plans."""
    pages = aws.client("apigateway").get_paginator("get_api_keys")
    name = names.partner_key(environment, "")
    found = pages.paginate(nameQuery=name, includeValues=False, PaginationConfig=_LARGEST_PAGES)
    keys = [key for page in found for item in page["items"] if (key := _key(item, environment))]
    return sorted(keys, key=lambda key: (key.partner, key.created, key.id))


def _key(item: Mapping[str, Any], environment: str) -> Key | None:
    """Return an item of GetApiKeys; None for a key that --partner-add did not make for this environment."""
    tags = item.get("tags", {})
    partner, tier = tags.get(names.PARTNER_TAG, ""), tags.get(_TIER, "")
    ours = names.tags(environment).items() <= tags.items() and tier in partners.TIERS
    if not (ours and partner and item.get("name") == names.partner_key(environment, partner)):
        return None
    return Key(item["id"], partner, tier, item["createdDate"], item.get("enabled", False))


def delete(aws: Aws, key_id: str) -> None:
    """Delete a key, which removes it from its usage plan. One that is gone is no failure."""
    try:
        aws.client("apigateway").delete_api_key(apiKey=key_id)
    except Exception as error:
        if not service_errors.is_missing(error):
            raise
