"""The end of a run that is broken off: whatever ends it, its last line says what the run has changed until then."""

from collections.abc import Iterator
from contextlib import contextmanager

from deployer import changed
from deployer.aws import service_errors
from deployer.errors import Exit, Failure

_AGAIN = "run the same command again: it resumes what goes on, or does what is missing"
_SPEAKS_OF_THE_STACK = (Exit.FAILED, Exit.INTERRUPTED)
"""A Failure of this program that ends an operation on the stack with one of these says how the stack is."""


@contextmanager
def accounted(aws) -> Iterator[None]:
    """Around all that a command does in AWS. Raises Failure for an interruption and for an error of AWS's."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failure(Exit.INTERRUPTED, f"interrupted; {changed.sentence(aws.sent)}", _AGAIN) from None
    except Failure as failure:
        if not (aws.sent.operation() and failure.code in _SPEAKS_OF_THE_STACK):
            failure.add(changed.sentence(aws.sent))
        raise
    except Exception as error:
        failure = service_errors.explain(error)
        if failure is None:
            raise
        failure.add(changed.sentence(aws.sent))
        if aws.sent.operation():
            failure.hint = "; ".join(filter(None, (failure.hint, _AGAIN)))
        raise failure from error
