"""`--partner-revoke`: delete an API key of a partner."""

from pathlib import Path

from deployer import connection
from deployer.aws import advice
from deployer.commands import side_effects
from deployer.options import Options
from deployer.show.ui import Ui
from operations.destroy.consent import confirm_by_question
from operations.partners import keys, records


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Ask and delete the key. A key that no partner has is no failure: it was revoked before, or never existed.

    Raises Failure(REFUSED) if not confirmed.
    """
    aws, _ = connection.deployed(ui, options, root)
    with side_effects.reported(aws):
        with ui.waiting("API Gateway"):
            known = keys.of_environment(aws, options.env)
        key = next((each for each in known if each.id == options.key_id), None)
        if key is None:
            ui.line(
                f"Nothing to revoke: no partner of {options.env} has a key {options.key_id} (any more); --partners lists all"
            )
            return {"result": "absent", "keyId": options.key_id}
        is_last = not any(each.partner == key.partner and each.id != key.id for each in known)
        if is_last:
            ui.warn(
                f"it is the last key of partner {key.partner}, who can then send no request; its subscriptions go on"
            )
        who = aws.client("sts").get_caller_identity()["Arn"]
        confirm_by_question(
            f"Revoke key {key.id} of partner {key.partner}, {key.tier}, in {options.env}{aws.elsewhere}?", options
        )
        keys.delete(aws, key.id)
        advice.ask(
            aws,
            "this change is not in the list of --partners: its record could not be written",
            lambda: records.write(aws, who, options.env, records.REVOKE, key.partner, key.tier, key.id),
            None,
        )
    ui.line(f"{ui.ok} {'Revoked':<10} key {key.id} of partner {key.partner}; API Gateway may take minutes to refuse it")
    return {"result": "revoked", "partner": key.partner, "keyId": key.id, "last": is_last}
