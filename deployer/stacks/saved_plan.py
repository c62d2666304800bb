"""The file of --plan --save: a change set that waits for --apply, what it is for, and the plan that was shown. Pure.

The change set's name ends with a hash of the file without what is known only after the change set was made: a file
that was edited does not fit its change set. Within a format fields may be added; a new meaning of a field changes the
number. No value of a NoEcho parameter is in the file. docs/saved-plan.schema.json describes it.
"""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from deployer.errors import Exit, Failure

FORMAT = 1

_Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
_Arn = Annotated[str, Field(pattern=r"^arn:[\w-]+:cloudformation:[\w:/+=,.@-]+$")]
_Key = Annotated[str, Field(pattern=r"^(templates|packages)/[\w-]+\.(yaml|zip)$")]


class _Part(BaseModel):
    # A field's description is the docstring below it.
    model_config = ConfigDict(
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
    )


class Before(_Part):
    """The root stack when the plan was made; all empty before the first deployment."""

    status: _Text = ""
    changed: _Text = ""
    """When its last operation began (UTC)"""

    version: _Text = ""


class SavedPlan(_Part):
    """A saved plan."""

    format: Annotated[int, Field(ge=1)] = FORMAT
    """Of this file"""

    environment: _Text
    account: Annotated[str, Field(pattern=r"^\d{12}$")]
    region: _Text
    endpoint: _Text
    """Where the stack is: AWS, local (the emulator that --local starts), or another endpoint's URL"""

    before: Before
    version: _Text
    """The version that it deploys, as --history shows it"""

    templates: Annotated[tuple[_Key, ...], Field(min_length=1)]
    """Keys in the artifact bucket, with the SHA-256 of the content; the root's first"""

    packages: tuple[_Key, ...]
    """Keys in the artifact bucket, with the SHA-256 of the content"""

    parameters: dict[_Text, str]
    """Parameters of the root stack without NoEcho ones"""

    tags: dict[_Text, str]
    kind: _Text
    """deploy or rollback"""

    commit: _Text
    """The local version's; empty outside a git repository"""

    dirty: bool
    """Whether it had uncommitted changes"""

    who: _Text
    """The ARN of who made the plan"""

    when: _Text
    """When it was made (ISO 8601, UTC)"""

    allow_replace: tuple[_Text, ...]
    """The resources that --allow-replace named"""

    no_rollback: bool
    orders_per_day: Annotated[int, Field(ge=0)]
    stack: _Arn | None = None
    """The root stack's ARN"""

    change_set: _Arn | None = None
    """The change set's ARN; null: nothing to change"""

    plan: dict[str, JsonValue] = {}
    """The plan, described by plan.schema.json"""

    seal: Annotated[str, Field(exclude=True)] = ""
    """Of the file that was read; not in it"""

    def text(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


_KNOWN_LATER = ("stack", "changeSet", "plan")


def seal(text: str | bytes) -> str:
    """Return the hash that the name of a file's change set ends with."""
    document = json.loads(text)
    sealed = {key: value for key, value in document.items() if key not in _KNOWN_LATER}
    return hashlib.sha256(json.dumps(sealed, sort_keys=True).encode()).hexdigest()[:24]


class _AnyFormat(BaseModel):
    format: int


def parse(content: bytes, name: str) -> SavedPlan:
    """Return the plan in a file's content. Raises Failure(USAGE) for a newer format and for what is not a plan."""
    try:
        written = _AnyFormat.model_validate_json(content).format
        if written > FORMAT:
            raise Failure(
                Exit.USAGE,
                f"{name} has format {written}; this version of deploy.py reads formats up to {FORMAT}",
                "apply it with the version that made it, or plan again with this one",
            )
        return SavedPlan.model_validate_json(content).model_copy(update={"seal": seal(content)})
    except ValidationError as error:
        raise Failure(Exit.USAGE, f"{name} is not a saved plan: {_first(error)}", "plan again: --plan --save") from None


def _first(error: ValidationError) -> str:
    found: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, found["loc"]))
    return f"{where}: {found['msg']}" if where else found["msg"]
