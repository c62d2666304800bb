"""The file of --plan --save: a change set that waits for --apply, and the plan that was shown. Pure.

The change set's name ends with a hash of the file, without what is known only after the change set was made: a file
that was edited does not fit its change set. Within a format fields may be added; a new meaning of a field changes the
number. docs/saved-plan.schema.json describes it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from deployer.errors import Exit, Failure
from deployer.stacks.deployment_records import Deployment

FORMAT = 1

_Arn = Annotated[str, Field(pattern=r"^arn:[a-z-]+:cloudformation:\S+$")]
_KNOWN_LATER = ("stack", "changeSet", "plan")


class Before(BaseModel):
    """The root stack: its status, when its last operation began, its version. All empty before the first deployment."""

    status: str = ""
    changed: str = ""
    version: str = ""


class SavedPlan(BaseModel):
    """A saved plan. `endpoint`: AWS, local (the emulator of --local) or a URL. `stack`, `change_set`: ARNs, None if
    nothing changes. `deployment`: the record to be written. `service_role`: the ARN that CloudFormation executes it
    with; "" if none is set. `like`, `ttl` (seconds): of a preview. `states`: the parts of `plan` that do not follow
    from the change set. `seal`: of the file that was read, see `seal_of`."""

    model_config = ConfigDict(frozen=True, strict=True, alias_generator=to_camel, validate_by_name=True)

    format: int = FORMAT
    account: str
    region: str
    endpoint: str
    before: Before
    deployment: Deployment
    allow_replace: tuple[str, ...]
    no_rollback: bool
    orders_per_day: Annotated[int, Field(ge=0)]
    service_role: str = ""
    like: str = ""
    ttl: float | None = None
    stack: _Arn | None = None
    change_set: _Arn | None = None
    states: dict[str, Any] = {}
    plan: dict[str, JsonValue] = {}
    seal: Annotated[str, Field(exclude=True)] = ""

    def text(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    def fits(self, described: Mapping[str, Any]) -> bool:
        """Return whether a change set, a DescribeChangeSet answer, was made for this file as it is."""
        return described["StackId"] == self.stack and described["ChangeSetName"].endswith(f"-{self.seal}")


def seal_of(text: str | bytes) -> str:
    """Return the hash that the name of a file's change set ends with."""
    sealed = {key: value for key, value in json.loads(text).items() if key not in _KNOWN_LATER}
    return hashlib.sha256(json.dumps(sealed, sort_keys=True).encode()).hexdigest()[:24]


class _AnyFormat(BaseModel):
    format: int


def parse(content: bytes, name: str) -> SavedPlan:
    """Return the plan in a file's content. Raises Failure(USAGE) for a newer format and for what is not a plan."""
    try:
        if (written := _AnyFormat.model_validate_json(content, strict=True).format) > FORMAT:
            raise Failure(
                Exit.USAGE,
                f"{name} has format {written}; this version of deploy.py reads formats up to {FORMAT}",
                "apply it with the version that made it, or plan again with this one",
            )
        return SavedPlan.model_validate_json(content).model_copy(update={"seal": seal_of(content)})
    except ValidationError as error:
        found: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
        what = ": ".join(filter(None, (".".join(map(str, found["loc"])), found["msg"])))
        raise Failure(Exit.USAGE, f"{name} is not a saved plan: {what}", "plan again: --plan --save") from None
