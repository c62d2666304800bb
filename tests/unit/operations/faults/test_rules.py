"""Files of faults: what they mean, and what is said of each mistake."""

from pathlib import Path

import pytest

from emulator.faults import calls, rules
from generator.functions import FUNCTIONS

EXAMPLES = sorted((Path(__file__).resolve().parents[4] / "examples" / "faults").glob("*.toml"))
GOOD = 'service = "dynamodb"\nkind = "drop"\n'


@pytest.fixture
def load(tmp_path):
    def load(text: str, name: str = "faults.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return rules.load(path)

    return load


def problem(load, rule: str) -> str:
    """What is said of the second rule of a file, without the file's name."""
    with pytest.raises(rules.RulesError) as refused:
        load(f"[[rule]]\n{GOOD}[[rule]]\n{rule}\n")
    return str(refused.value).partition("faults.toml: ")[2]


KNOWN_SERVICES = "(known: dynamodb, lambda, s3, sns, sqs, ssm)"
KNOWN_KINDS = "(known: latency, error, throttle, drop, lost, duplicate)"
MISTAKES = {
    'service = "dynamo"\nkind = "drop"': f"service: 'dynamo' is unknown; did you mean 'dynamodb'? {KNOWN_SERVICES}",
    'service = "kinesis"\nkind = "drop"': f"service: 'kinesis' is unknown {KNOWN_SERVICES}",
    'service = "sqs"\nkind = "throtle"': f"kind: 'throtle' is unknown; did you mean 'throttle'? {KNOWN_KINDS}",
    GOOD + 'operation = "putitem"': "operation: 'putitem' is unknown; did you mean 'PutItem'?",
    GOOD + 'operation = ["PutItem", "Publish"]': "operation: 'Publish' is unknown",
    GOOD + "probability = 1.5": "probability: Input should be less than or equal to 1, got 1.5",
    GOOD + "probability = 0.0": "probability: Input should be greater than 0, got 0.0",
    GOOD + 'probability = "often"': "probability: Input should be a valid number, got 'often'",
    GOOD + "every = 0": "every: Input should be greater than or equal to 1, got 0",
    GOOD + "after = inf": "after: Input should be a finite number, got inf",
    GOOD + "seconds = 0": "seconds: Input should be greater than 0, got 0",
    GOOD + "milliseconds = 5": "milliseconds: needed by the kind latency, and by no other",
    'service = "sqs"\nkind = "latency"': "milliseconds: needed by the kind latency, and by no other",
    'service = "sqs"\nkind = "error"\ncode = "Fehlér"': (
        "code: String should match pattern '^[A-Za-z][A-Za-z0-9_.]{0,99}$', got 'Fehlér'"
    ),
    GOOD + 'code = "AccessDenied"': "code and status go with the kind error",
    'service = "sqs"\nkind = "error"\nstatus = 200': "status: Input should be greater than or equal to 400, got 200",
    'kind = "drop"': "service: missing",
    'service = "sqs"': "kind: missing",
}


@pytest.mark.parametrize("rule", MISTAKES)
def test_a_mistake_is_named_with_its_rule_key_and_what_is_allowed(load, rule):
    assert problem(load, rule) == f"rule 2: {MISTAKES[rule]}"


def test_an_unknown_key_is_named_with_the_one_that_is_spelt_like_it(load):
    said = problem(load, GOOD + "probabilty = 0.5")
    assert said.startswith(
        "rule 2: key 'probabilty' is unknown; did you mean 'probability'? (known: service, operation"
    )


def test_each_mistake_of_a_file_is_a_line(load):
    with pytest.raises(rules.RulesError) as refused:
        load(f"seeds = 1\n[[rule]]\n{GOOD}every = 0\nprobability = 2.0\n")
    assert [line.partition("faults.toml: ")[2].split(":")[0] for line in str(refused.value).splitlines()] == [
        "rule 1",
        "rule 1",
        "key 'seeds' is unknown; did you mean 'seed'? (known",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule]", "not valid TOML: "),
        ("", "rule: missing"),
        ("x = " + 5000 * "[", "not valid TOML: "),
        ('[rule]\nservice = "s3"', "rule: each rule begins with [[rule]], in two brackets, got "),
        ("rule = []", "rule: List should have at least 1 item after validation, not 0, got []"),
    ],
)
def test_a_file_without_a_rule_is_refused(load, text, said):
    with pytest.raises(rules.RulesError, match="faults.toml: " + said.replace("[", r"\[")):
        load(text)


def test_an_empty_list_of_operations_does_not_mean_all(load):
    assert "operation: List should have at least 1 item" in problem(load, GOOD + "operation = []")


def test_an_editors_byte_order_mark_and_line_ends_are_no_mistake(load):
    assert load(f"\ufeff[[rule]]\r\n{GOOD}".replace("\n", "\r\n")) == load(f"[[rule]]\n{GOOD}")


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(rules.RulesError, match=r"none\.toml: cannot be read: No such file or directory"):
        rules.load(tmp_path / "none.toml")


def test_a_function_must_exist(load):
    found, _ = load(f'[[rule]]\n{GOOD}function = "orders-worker"\n[[rule]]\n{GOOD}function = "order-worker"\n')
    with pytest.raises(rules.RulesError, match="rule 2: function: 'order-worker' is unknown; did you mean 'orders-wor"):
        rules.check_functions(Path("faults.toml"), found, ["orders-worker", "orders-query"])


@pytest.mark.parametrize(
    ("rule", "title"),
    [
        (GOOD, "dynamodb: drop"),
        (
            GOOD + 'operation = ["Query", "GetItem"]\nfunction = "orders-query"',
            "dynamodb GetItem, Query orders-query: drop",
        ),
        (GOOD + "probability = 0.25\nevery = 3", "dynamodb: drop 25% 1 of 3 calls"),
        ('service = "sns"\nkind = "latency"\nmilliseconds = 1500', "sns: 1500 ms late"),
        ('service = "sns"\nkind = "error"\ncode = "KMSAccessDenied"\nstatus = 400', "sns: error KMSAccessDenied"),
    ],
)
def test_a_rule_has_a_title(load, rule, title):
    [found], _ = load(f"[[rule]]\n{rule}\n")
    assert found.title == title


def test_an_error_has_the_services_code_unless_the_rule_names_another(load):
    given = '[[rule]]\nservice = "s3"\nkind = "{}"\n{}\n'
    answers = [
        load(given.format(kind, more))[0][0].answer
        for kind, more in [("throttle", ""), ("error", ""), ("error", 'code = "AccessDenied"\nstatus = 403')]
    ]
    assert answers == [("SlowDown", 503), ("InternalError", 500), ("AccessDenied", 403)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_each_example_is_accepted(path):
    found, _ = rules.load(path)
    rules.check_functions(path, found, [function.name for function in FUNCTIONS])


def test_rules_are_about_each_service_that_functions_have_rights_to():
    called = {action.prefix for function in FUNCTIONS for right in function.rights for action in right.Action}
    assert called - {"xray", "kms", "logs"} <= {*calls.SERVICES}
    assert {*rules.ERRORS} == {*rules.THROTTLES} == {*calls.SERVICES}
