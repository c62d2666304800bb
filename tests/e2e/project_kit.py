"""A deployment of an edited copy of the project: deployed again, and looked at from outside. For the fixture `project`."""

from tests.e2e.support import deploy, order_for

STACK = "food-delivery-dev"


def redeploy(project, deployment, *arguments: str, env: str = "dev"):
    return deploy("--env", env, "--local", "--yes", *arguments, local_dir=deployment.local_dir, project=project)


def place(deployment, customer="CUST-1") -> dict:
    with deployment.api() as api:
        answer = api.post("/orders", json=order_for(customer))
    assert answer.status_code == 201, answer.text
    return answer.json()


def read(deployment, order: dict) -> dict:
    with deployment.api() as api:
        return api.get(f"/orders/{order['orderId']}").json()


def physical_ids(deployment) -> dict[str, str]:
    """Logical id -> physical id, over the root stack and its children, but for versions: each change publishes another."""
    cloudformation = deployment.client("cloudformation")
    ids: dict[str, str] = {}
    stacks = [STACK]
    for stack in stacks:
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
            for resource in page["StackResourceSummaries"]:
                if resource["ResourceType"] == "AWS::CloudFormation::Stack":
                    stacks.append(resource["PhysicalResourceId"])
                if resource["ResourceType"] != "AWS::Lambda::Version":
                    ids[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
    return ids


def uploads(deployment) -> dict[str, str]:
    """Key -> when it was written, of what deployments upload; the records of the history are left out."""
    s3 = deployment.client("s3")
    [bucket] = [b["Name"] for b in s3.list_buckets()["Buckets"] if "artifacts" in b["Name"]]
    objects = s3.list_objects_v2(Bucket=bucket)["Contents"]
    return {o["Key"]: str(o["LastModified"]) for o in objects if not o["Key"].startswith("deployments/")}


def stack_events(deployment) -> int:
    events = deployment.client("cloudformation").get_paginator("describe_stack_events")
    return sum(len(page["StackEvents"]) for page in events.paginate(StackName=STACK))
