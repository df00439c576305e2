"""What scripts/aws-local asks of a stack that is deployed on the emulator, and changes in it.

usage: aws-local-stack.py prepare STACK TLS_URL     prints its outputs and resources as lines of shell
       aws-local-stack.py refusals STACK            prints what roles refused the functions; ends with 1 if they did

Needs botocore, and AWS_ENDPOINT_URL in the environment.
"""

import json
import re
import shlex
import sys

import botocore.session

session = botocore.session.get_session()


def prepare(stack, tls_url):
    formation = session.create_client("cloudformation")
    outputs = formation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    found = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    pages = formation.get_paginator("list_stack_resources").paginate(StackName=stack)
    roles = []
    for resource in (resource for page in pages for resource in page["StackResourceSummaries"]):
        if resource["ResourceType"] in ("AWS::Lambda::Function", "AWS::IAM::Role", "AWS::Logs::LogGroup"):
            found[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
        if resource["ResourceType"] == "AWS::IAM::Role":
            roles.append(resource["PhysicalResourceId"])
    for name, value in found.items():
        print(f"export GRANARY_STACK_{name.upper()}={shlex.quote(value)}")

    # It refuses what does not come encrypted, and nothing comes encrypted here.
    session.create_client("s3").delete_bucket_policy(Bucket=found["Bucket"])

    # For AWS, sending ten messages with one call is sending messages. The emulator has an action of its own for it.
    for role in roles:
        allow_batches(role)

    # SwiftPM logs in over TLS only, so its function is reached at another address than the others.
    functions = session.create_client("lambda")
    swift = functions.get_function_configuration(FunctionName=found["SwiftFunction"])
    variables = {**swift["Environment"]["Variables"], "GRANARY_PUBLIC_URL": tls_url}
    functions.update_function_configuration(
        FunctionName=found["SwiftFunction"], Environment={"Variables": variables}
    )


def allow_batches(role):
    """Lets a role send messages ten at a time to where it may send them."""
    iam = session.create_client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        sending = [statement for statement in statements if "sqs:SendMessage" in actions(statement)]
        for statement in sending:
            statement["Action"] = [*actions(statement), "sqs:SendMessageBatch"]
        if sending:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def actions(statement):
    return statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]


def refusals(stack):
    logs = session.create_client("logs")
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/granary/{stack}/")
    refused = set()
    for group in (group["logGroupName"] for page in pages for group in page["logGroups"]):
        found = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern="AccessDenied")
        for event in (event for page in found for event in page["events"]):
            action = re.search(r"not authorized to perform: ([\w:]+)", event["message"])
            refused.add(f"{group}: {action.group(1) if action else event['message']}")
    for line in sorted(refused):
        print(line)
    return bool(refused)


command, *arguments = sys.argv[1:]
sys.exit({"prepare": prepare, "refusals": refusals}[command](*arguments))
