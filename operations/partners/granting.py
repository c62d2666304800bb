"""`--partner-add` and `--partner-rotate`: make an API key of a partner, and print its value once.

Only the value goes to standard output, for `KEY=$(…)`; with --output json the report has it. Nothing else shows it.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from contract import partners
from deployer import connection
from deployer.aws import advice
from deployer.commands import side_effects
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from operations.destroy.consent import confirm_by_question
from operations.partners import keys, records
from operations.partners.keys import Key, Registry

MOST_KEYS = 2


def add(options: Options, ui: Ui, root: Path) -> dict:
    """Give a new partner its first key. One who has a key of the tier keeps it, and no value is shown.

    Raises Failure (USAGE) for a name that no partner may have, (REFUSED) if not confirmed or for another tier.
    """
    _check_name(options.partner)
    aws, stack = connection.deployed(ui, options, root)
    tier = options.tier or next(iter(partners.TIERS))
    with side_effects.reported(aws):
        registry = keys.registry(aws, stack, options)
        own, unfinished = _keys(ui, registry, options.partner)
        if not own:
            return _give(options, ui, registry, tier, records.ADD, unfinished)
        if tier not in {key.tier for key in own}:
            hint = options.at_the_same_place("--partner-rotate", partner=options.partner, tier=tier).command_line()
            raise Failure(Exit.REFUSED, f"partner {options.partner} has tier {own[-1].tier}", f"another is: {hint}")
        ui.line(f"{ui.ok} {'Exists':<10} partner {options.partner}, {tier}: {_listed(own)}; its value cannot be shown")
    return {"result": "exists", "partner": options.partner, "tier": tier, "keyIds": [key.id for key in own]}


def rotate(options: Options, ui: Ui, root: Path) -> dict:
    """Give a partner a second key beside the first, which stays valid until it is revoked.

    Raises Failure (USAGE) if there is no such partner, (REFUSED) if not confirmed or if it has two keys.
    """
    _check_name(options.partner)
    aws, stack = connection.deployed(ui, options, root)
    with side_effects.reported(aws):
        registry = keys.registry(aws, stack, options)
        own, unfinished = _keys(ui, registry, options.partner)
        if not own:
            hint = options.at_the_same_place("--partner-add", partner=options.partner, tier=options.tier).command_line()
            raise Failure(Exit.USAGE, f"there is no partner {options.partner}", f"add it: {hint}")
        if len(own) >= MOST_KEYS:
            hint = options.at_the_same_place("--partner-revoke", key_id=own[0].id).command_line()
            raise Failure(
                Exit.REFUSED,
                f"partner {options.partner} has {len(own)} keys: {_listed(own)}",
                f"revoke one first, such as the oldest: {hint}",
            )
        return _give(options, ui, registry, options.tier or own[-1].tier, records.ROTATE, unfinished)


def _check_name(name: str) -> None:
    if not re.fullmatch(partners.NAME_PATTERN, name):
        raise Failure(
            Exit.USAGE,
            f"{name!r} is no name of a partner",
            "lower-case letters, digits and hyphens, at most 32, that begin with a letter and do not end with a hyphen",
        )
    if name in partners.RESERVED_NAMES:
        raise Failure(Exit.USAGE, f"{name!r} is a reserved name", "take another")


def _keys(ui: Ui, registry: Registry, partner: str) -> tuple[list[Key], list[Key]]:
    """Return the partner's keys, and those that are in no usage plan."""
    with ui.waiting("API Gateway"):
        found = registry.keys(partner)
    return [key for key in found if key.plan], [key for key in found if not key.plan]


def _give(options: Options, ui: Ui, registry: Registry, tier: str, action: str, unfinished: Sequence[Key]) -> dict:
    """Ask, make the key, print its value and record it."""
    aws, partner = registry.aws, options.partner
    who = aws.client("sts").get_caller_identity()["Arn"]
    question = f"{'Add' if action == records.ADD else 'Make a second key for'} partner {partner}, {tier}"
    confirm_by_question(f"{question}, in {options.env}{aws.elsewhere}?", options)
    for key in unfinished:
        keys.delete(aws, key.id)
        ui.line(f"{ui.ok} {'Deleted':<10} key {key.id}, which was in no usage plan and opened nothing")
    key_id, value = registry.grant(partner, tier)
    try:
        _check_alone(registry, partner, key_id, 1 if action == records.ADD else MOST_KEYS)
        _print(options, value)
    except BaseException:
        keys.delete(aws, key_id)  # nobody knows its value
        raise
    advice.ask(
        aws,
        "this change is not in the list of --partners: its record could not be written",
        lambda: records.write(aws, who, options.env, action, partner, tier, key_id),
        None,
    )
    ui.line(f"{ui.ok} {'Key':<10} {key_id} of partner {partner}, {tier}; its value is shown only now")
    ui.line("  API Gateway may take minutes to accept it")
    return {"result": "added", "partner": partner, "tier": tier, "keyId": key_id, "apiKey": value}


def _check_alone(registry: Registry, partner: str, key_id: str, most: int) -> None:
    """Raise Failure(REFUSED) if another run has made a key meanwhile, and this one is the later."""
    if key_id in [key.id for key in registry.keys(partner) if key.plan][most:]:
        raise Failure(
            Exit.REFUSED, f"another run has made a key of partner {partner} at the same time", "--partners lists it"
        )


def _print(options: Options, value: str) -> None:
    """Print the value; raise Failure(FAILED) if standard output cannot be written. With JSON the report has it."""
    if options.output == "json":
        return
    print(value, flush=True)
    if problem := getattr(sys.stdout, "problem", ""):
        raise Failure(Exit.FAILED, f"standard output cannot be written ({problem}), so the new key is deleted again")


def _listed(own: Sequence[Key]) -> str:
    return ", ".join(f"key {key.id} of {key.created:%Y-%m-%d}" for key in own)
