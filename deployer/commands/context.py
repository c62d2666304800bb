"""What every step of a deployment gets: screen, session, environment and options."""

from dataclasses import dataclass

from config import names
from config.environment import Environment
from deployer.aws.session import Aws
from deployer.options import Options
from deployer.plan.locations import Sources
from deployer.show.ui import Ui
from deployer.stacks import operation


@dataclass(frozen=True)
class Context:
    """`caller`: the ARN of GetCallerIdentity. `sources`: the local templates; None for a rollback."""

    ui: Ui
    aws: Aws
    environment: Environment
    options: Options
    caller: str
    sources: Sources | None = None

    @property
    def stack(self) -> str:
        return names.root_stack(self.environment.name)

    @property
    def account(self) -> str:
        return self.caller.split(":")[4]

    def cli(self, words: str) -> str:
        """Return the AWS CLI command for the root stack. `words`: a CloudFormation command, such as `delete-stack`."""
        return self.options.aws_command(self.aws, f"cloudformation {words} --stack-name {self.stack}")

    def token(self) -> str:
        """Return a new ClientRequestToken, for one operation."""
        return operation.token(self.caller)
