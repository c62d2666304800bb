"""What every step of one deployment needs to know."""

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
    """Whom to tell, whom to talk to, what is wanted.

    `aws`: deployer.aws.Aws. `caller`: the ARN that GetCallerIdentity tells.
    `sources`: this checkout's templates; None when it is not they that are deployed.
    """

    ui: Ui
    aws: Aws
    environment: Environment
    options: Options
    caller: str
    sources: Sources | None = None

    @property
    def stack(self) -> str:
        return names.root_stack(self.environment.name)

    def cli(self, words: str) -> str:
        """The command of the AWS CLI, such as `delete-stack`, for the root stack, wherever this run is."""
        return self.options.aws_command(self.aws, f"cloudformation {words} --stack-name {self.stack}")

    def token(self) -> str:
        """A new one: for one operation that this run begins."""
        return operation.token(self.caller)
