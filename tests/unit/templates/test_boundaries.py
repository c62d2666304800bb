"""Between stacks, and between the templates and the deployer: what one side says the other knows."""

import copy
import re
from graphlib import CycleError, TopologicalSorter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troposphere import Ref, Template
from troposphere.sns import Topic

from config import environment, sections
from config.parameters import ACCOUNT_PARAMETERS, from_environment, settings
from contract.routes import ROUTES
from generator import outputs, parameters, queue_resources
from generator import root as root_module
from generator.functions import QUEUES
from tests.unit.templates.support import CHILDREN, everywhere, names_used, of_type, root_parameters


def test_a_parameter_is_a_setting_or_one_of_the_four_that_the_deployer_fills_in(root):
    by_deployer = root["Parameters"].keys() - from_environment(environment.load("dev")).keys()
    assert by_deployer == {"ArtifactBucket", "FunctionsKey", "LayerKey", "ManageApiGatewayAccount"}


@pytest.mark.parametrize("setting", settings(environment.Environment), ids=lambda setting: setting.key)
def test_every_setting_reaches_a_child_or_is_marked_for_the_deployer_only(root, setting):
    passed = {name for stack in root["Resources"].values() for name in stack["Properties"]["Parameters"]}
    assert setting.parameter is None or setting.parameter.name in passed


def test_the_settings_without_a_parameter_are_those_that_only_the_deployer_reads():
    without = [each.key for each in settings(environment.Environment) if not each.parameter]
    assert without == [
        *("region", "account", "release.monitoring_minutes", "deploy.role_arn", "deploy.assume_role"),
        *("deploy.preview_role_arn", "deploy.preview_permissions_boundary", "feature_flags"),
    ]


def test_what_the_account_decides_is_a_parameter_of_the_deployer():
    assert set(ACCOUNT_PARAMETERS) <= parameters.BY_DEPLOYER.keys()


@pytest.mark.parametrize("name", environment.available())
def test_every_environment_fits_the_parameters_constraints(root, name):
    for parameter, value in root_parameters(name).items():
        definition = root["Parameters"][parameter]
        if "AllowedPattern" in definition:
            assert re.fullmatch(definition["AllowedPattern"], value), parameter
        if "AllowedValues" in definition:
            assert value in map(str, definition["AllowedValues"]), parameter
        if definition["Type"] == "Number":
            assert definition.get("MinValue", float("-inf")) <= float(value), parameter
            assert float(value) <= definition.get("MaxValue", float("inf")), parameter


ORIGINS = st.lists(
    st.builds(
        "{}{}".format, st.sampled_from(["https://", "http://", ""]), st.text(st.sampled_from("aZ0.:-_/[]%@*, \n\u00e4"))
    ),
    min_size=1,
    max_size=6,
)


@given(ORIGINS | st.just(["*"]))
def test_origins_that_an_environment_may_name_fit_the_templates_pattern(root, origins):
    try:
        section = sections.Api(allowed_origins=origins)
    except ValueError:
        return
    assert re.fullmatch(root["Parameters"]["AllowedOrigins"]["AllowedPattern"], ",".join(section.allowed_origins))


def test_every_parameter_is_described_and_bounded(root):
    bounds = {"AllowedValues", "AllowedPattern", "MinValue"}
    for name, definition in root["Parameters"].items():
        assert definition["Type"] in ("String", "Number"), name
        assert definition["Description"], name
        assert bounds & definition.keys(), name


def test_every_pattern_is_anchored_and_explained(root):
    for name, definition in root["Parameters"].items():
        if "AllowedPattern" in definition:
            assert re.fullmatch(r"\^.*\$", definition["AllowedPattern"]), name
            assert definition["ConstraintDescription"], name


@pytest.mark.parametrize("child", CHILDREN)
def test_every_child_parameter_is_passed_by_root_and_used(root, templates, child):
    template = templates[child]
    passed = root["Resources"][f"{child.capitalize()}Stack"]["Properties"]["Parameters"]
    used = names_used(
        {section: template[section] for section in ("Conditions", "Resources", "Outputs") if section in template}
    )
    assert set(passed) == set(template["Parameters"])
    assert set(template["Parameters"]) <= used


@pytest.mark.parametrize("child", CHILDREN)
def test_no_child_parameter_has_a_default_that_could_hide_a_missing_one(templates, child):
    assert not [name for name, definition in templates[child]["Parameters"].items() if "Default" in definition]


def test_root_reads_only_outputs_that_the_child_emits(root, templates):
    for _, value in everywhere(root):
        if isinstance(value, dict) and "Fn::GetAtt" in value:
            stack, attribute = value["Fn::GetAtt"]
            section, name = attribute.split(".")
            assert section == "Outputs"
            assert name in templates[stack.removesuffix("Stack").lower()]["Outputs"], value


def test_every_child_output_but_of_queues_reaches_a_sibling_or_the_user(root, templates):
    read = {tuple(v["Fn::GetAtt"]) for _, v in everywhere(root) if isinstance(v, dict) and "Fn::GetAtt" in v}
    emitted = {
        (f"{child.capitalize()}Stack", f"Outputs.{name}") for child in CHILDREN for name in templates[child]["Outputs"]
    }
    # A queue has the same three outputs as the others, whether or not a function needs each of them.
    of_queues = {("DataStack", f"Outputs.{name}") for name in queue_resources.outputs()}
    assert read <= emitted
    assert emitted - read <= of_queues


def test_no_two_stacks_emit_an_output_of_the_same_name(templates):
    names = [name for child in CHILDREN for name in templates[child]["Outputs"]]
    assert len(names) == len(set(names)) == len(outputs.descriptions())


def test_a_misspelt_output_fails_while_rendering():
    with pytest.raises(KeyError):
        outputs.emit(_referring_to("OrdersTableName"), "monitoring", AlertsTopicArm="", DashboardUrl="")


def test_a_parameter_that_nothing_supplies_fails_while_rendering():
    with pytest.raises(KeyError, match="OrdersTabelName"):
        parameters.declare_used(_referring_to("OrdersTabelName"))
    child = _referring_to("OrdersTableName")
    parameters.declare_used(child)
    with pytest.raises(KeyError):
        root_module.nested("compute", child, available={})


def test_every_reference_resolves(templates):
    for name, template in templates.items():
        known = {*template["Parameters"], *template["Resources"]}
        assert names_used(template) <= known, name


def test_every_condition_exists_and_is_used(templates):
    for name, template in templates.items():
        used = {
            value["Fn::If"][0] for _, value in everywhere(template) if isinstance(value, dict) and "Fn::If" in value
        }
        used |= {
            value["Condition"]
            for _, value in everywhere(template.get("Conditions", {}))
            if isinstance(value, dict) and isinstance(value.get("Condition"), str)
        }
        used |= {resource["Condition"] for resource in template["Resources"].values() if "Condition" in resource}
        assert used == set(template.get("Conditions", {})), name


def test_nothing_is_exported_or_imported(rendered):
    for text in rendered.values():
        assert "Export:" not in text
        assert "ImportValue" not in text


def test_child_templates_lie_beside_the_root_and_stacks_are_tagged(root):
    stacks = of_type(root, "CloudFormation::Stack")
    assert set(root["Resources"]) == set(stacks)
    for title, stack in stacks.items():
        properties = stack["Properties"]
        assert properties["TemplateURL"] == f"./{title.removesuffix('Stack').lower()}.yaml"
        assert {tag["Key"]: tag["Value"] for tag in properties["Tags"]} == {
            "Project": "food-delivery",
            "Environment": {"Ref": "Environment"},
        }


def test_no_template_has_a_transform_or_what_needs_one(templates):
    """AWS::LanguageExtensions takes a policy statement's Condition for a resource's, refuses a DeletionPolicy by Ref on
    a conditional resource, and resolves parameters before a sibling's output has a value."""
    needs = re.compile(r"Transform|Fn::(Transform|ForEach.*|Length|ToJsonString)")
    for name, template in templates.items():
        assert not [path for path, _ in everywhere(template) if path and needs.fullmatch(str(path[-1]))], name


def test_root_shows_what_a_user_needs(root):
    wanted = {
        *("ApiUrl", "ApiId", "ApiKeyId", "StageName", "OrdersTableName", "DashboardUrl", "AlertsTopicArn"),
        *("DeadLetterQueueUrl", "OrdersCommandFunction", "OrdersQueryFunction"),
        *("OrdersIntakeFunction", "OrdersWorkerFunction", "OrdersEventsFunction"),
        *("OrderQueueUrl", "OrderQueueDlqUrl", "OrderEventsTopicArn", "OrderEventsDlqUrl"),
        *("UploadBucketName", "OrderImportDlqUrl", "OrdersImportFunction"),
    }
    assert wanted <= set(root["Outputs"])


def order_of_creation(template: dict) -> list[str]:
    """The resources, each after those that it refers to; raises CycleError when there is no such order."""
    resources = template["Resources"]
    needed = {
        title: (names_used(each) & set(resources)) | set(each.get("DependsOn", ())) for title, each in resources.items()
    }
    return list(TopologicalSorter(needed).static_order())


def test_no_resource_waits_for_itself_and_no_stack_for_a_later_one(templates):
    for template in templates.values():
        order_of_creation(template)
    stacks = [f"{child.capitalize()}Stack" for child in CHILDREN]
    assert order_of_creation(templates["root"]) == stacks


def test_a_function_in_its_own_role_is_a_cycle(compute):
    changed = copy.deepcopy(compute)
    own_right = changed["Resources"].pop("OrdersImportSelfInvocation")["Properties"]
    changed["Resources"]["OrdersImportRole"]["Properties"]["Policies"].append(own_right["PolicyDocument"])
    with pytest.raises(CycleError):
        order_of_creation(changed)


def test_a_reference_in_metadata_makes_a_dependency_where_it_is_meant_to(templates, api):
    """What CloudFormation does with it: cloudonaut.io, "Optional DependsOn with CloudFormation: Metadata to the rescue"."""
    customers = {f"{route.operation[0].upper()}{route.operation[1:]}Permission" for route in ROUTES if route.scope}
    meant = {("api", "Stage"): {"ApiGatewayAccount", *customers}}
    found = {
        (name, title): names_used(each.get("Metadata", {}))
        for name, template in templates.items()
        for title, each in template["Resources"].items()
    }
    assert {place: used for place, used in found.items() if used} == meant
    order = order_of_creation(api)
    assert order.index("ApiGatewayAccount") < order.index("Stage")


def test_a_cycle_through_metadata_is_found(api):
    changed = copy.deepcopy(api)
    changed["Resources"]["ApiGatewayAccount"]["Metadata"] = {"Why": {"Fn::Sub": "for ${Stage}"}}
    with pytest.raises(CycleError):
        order_of_creation(changed)


def test_a_stack_that_reads_an_output_of_a_later_one_is_a_cycle(root):
    changed = copy.deepcopy(root)
    rule = {"Fn::GetAtt": ["ComputeStack", "Outputs.OrderFilesRuleArn"]}
    changed["Resources"]["DataStack"]["Properties"]["Parameters"]["OrderFilesRuleArn"] = rule
    with pytest.raises(CycleError):
        order_of_creation(changed)


REFER_TO_A_FUNCTION = (
    "AWS::Lambda::Version",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Permission",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::EventInvokeConfig",
)


def test_only_what_a_person_types_has_a_physical_name(templates):
    named = {
        (name, title, key)
        for name, template in templates.items()
        for title, resource in template["Resources"].items()
        for key in ("TableName", "FunctionName", "QueueName", "TopicName", "RoleName", "LayerName", "BucketName")
        if key in resource.get("Properties", {}) and resource["Type"] not in REFER_TO_A_FUNCTION
    }
    named |= {
        (name, title, "Name")
        for name, template in templates.items()
        for title, rule in of_type(template, "Events::Rule").items()
        if "Name" in rule["Properties"]
    }
    # Those that another resource must name without a reference to them; unique to their environment all the same.
    queues = {("data", queue.title, "QueueName") for queue in QUEUES}
    assert named == {*queues, ("compute", "OrderFilesRule", "Name")}
    for _, title, key in queues:
        assert templates["data"]["Resources"][title]["Properties"][key]["Fn::Sub"] == f"${{AWS::StackName}}-{title}"


def _referring_to(name: str) -> Template:
    template = Template()
    template.add_resource(Topic("Topic", DisplayName=Ref(name)))
    return template
