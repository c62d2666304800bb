"""Which log is meant: a function's name in whatever form."""

import pytest

from deployer.errors import Exit, Failure
from generator.functions import FUNCTIONS
from operations.logs import groups

OUTPUTS = {f"{function.title}Function": f"stack-{function.title}-1X" for function in FUNCTIONS} | {"ApiUrl": "u"}


def test_every_function_of_the_inventory_has_its_log_group():
    """The outputs of the root stack name them all, in names that lead to the groups that the templates make."""
    assert groups.chosen("dev", OUTPUTS, None) == {
        function.name: f"/food-delivery/dev/{function.name}" for function in FUNCTIONS
    }


@pytest.mark.parametrize(
    "wanted",
    [
        "orders_worker",
        "orders-worker",
        "OrdersWorker",
        "ordersworker",
        "OrdersWorkerFunction",
        "stack-OrdersWorker-1X",
        "arn:aws:lambda:us-east-1:123456789012:function:stack-OrdersWorker-1X",
        "/food-delivery/dev/orders-worker",
    ],
)
def test_a_function_is_found_by_any_of_its_names(wanted):
    assert groups.chosen("dev", OUTPUTS, wanted) == {"orders-worker": "/food-delivery/dev/orders-worker"}


def test_the_gateway_s_log_is_read_when_it_is_asked_for():
    assert groups.chosen("prod", OUTPUTS, "api-access") == {"api-access": "/food-delivery/prod/api-access"}


@pytest.mark.parametrize("wanted", ["worker", "", "orders", "Function"])
def test_an_unknown_name_is_answered_with_those_there_are(wanted):
    with pytest.raises(Failure) as failure:
        groups.chosen("dev", OUTPUTS, wanted)
    assert failure.value.code is Exit.USAGE
    assert "orders-command, orders-events" in failure.value.hint and "api-access" in failure.value.hint
