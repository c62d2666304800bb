"""Code that was put into a function outside CloudFormation is found, by hash, and put right."""

import pytest

from deployer.errors import Exit, Failure
from deployer.stacks import function_code, tree
from tests.unit.lambda_world import Lambda, account, key, refusal, stack

OLD, NEW = b"old", b"new"


@pytest.fixture
def functions(monkeypatch):
    """Three functions of one stack: one with the alias, one without, one that is missing."""
    found = Lambda({key(OLD): OLD})
    found.add("dev-A", OLD, "7")
    found.add("dev-B", OLD)
    version = {
        "ResourceType": "AWS::Lambda::Version",
        "PhysicalResourceId": "arn:aws:lambda:us-east-1:123456789012:function:dev-A:7",
    }
    monkeypatch.setattr(tree, "read", lambda aws, root: [tree.Stack("", root, {"AVersion": version})])
    return found


def swapped(functions, deployed=OLD):
    return function_code.swapped(account(functions), stack(deployed, "A", "B", "Gone"))


def swap(functions):
    function_code.put(account(functions), {"A": "dev-A", "B": "dev-B"}, {}, ZipFile=NEW)


def test_functions_that_run_the_stacks_package_do_not_differ(functions):
    assert swapped(functions) == {}


def test_a_swap_reaches_the_alias_and_is_found(functions):
    swap(functions)
    assert functions.live("dev-A") == functions.live("dev-B") == NEW
    assert swapped(functions) == {"AFunction": "dev-A", "BFunction": "dev-B"}


def test_the_unpublished_code_alone_counts(functions):
    """A version must not be published of it; after a swap that failed half-way, for example."""
    functions.latest["dev-A"] = NEW
    assert functions.live("dev-A") == OLD and swapped(functions) == {"AFunction": "dev-A"}


def test_an_alias_that_invokes_the_unpublished_code_counts_even_if_it_is_the_same(functions):
    functions.alias["dev-A"] = "$LATEST"
    assert swapped(functions) == {"AFunction": "dev-A"}


def test_restoring_gives_back_the_stacks_code_and_its_version(functions):
    swap(functions)
    aws, root = account(functions), stack(OLD, "A", "B")
    function_code.restore(aws, root, function_code.swapped(aws, root))
    assert (functions.latest, functions.alias) == ({"dev-A": OLD, "dev-B": OLD}, {"dev-A": "7"})
    assert swapped(functions) == {}


def test_a_stack_that_does_not_exist_has_no_functions(functions):
    assert function_code.swapped(account(functions), None) == {}


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_FAILED"])
def test_a_deployment_under_way_is_no_other_code(functions, status):
    """The stack already names the new package; during a gradual shift, the alias runs the old one for minutes."""
    assert function_code.swapped(account(functions), stack(NEW, "A", "B", status=status)) == {}


def test_a_refused_comparison_is_a_warning(functions):
    aws = account(functions)

    def refuse(**_):
        raise refusal("AccessDeniedException", "GetFunctionConfiguration")

    functions.get_function_configuration = refuse
    assert function_code.swapped(aws, stack(OLD, "A")) == {}
    assert "was not compared" in aws.warned[0]


@pytest.mark.parametrize(
    "code, exit_code", [("ResourceConflictException", Exit.FAILED), ("AccessDeniedException", Exit.PREFLIGHT)]
)
def test_a_failure_names_what_was_updated_and_what_was_not(functions, code, exit_code):
    functions.refuses["dev-B"] = code
    with pytest.raises(Failure) as failure:
        swap(functions)
    assert failure.value.code == exit_code
    assert "1 of 2 functions run the code: A; perhaps not B; B: " in failure.value.message
    assert functions.live("dev-A") == NEW and functions.live("dev-B") == OLD


def test_code_that_lambda_cannot_use_is_a_failure_with_its_reason_and_the_alias_stays(functions):
    functions.reasons["dev-A"] = "the role cannot be assumed"
    with pytest.raises(Failure, match="perhaps not A; A: Lambda could not use the code: the role cannot be assumed"):
        swap(functions)
    assert functions.live("dev-A") == OLD
