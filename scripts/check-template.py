"""Checks of template.yaml that no linter knows: what the functions may do, and that none is forgotten.

usage: python check-template.py [TEMPLATE]   (with the Python of scripts/aws-tools, which has cfn-lint)
"""

import pathlib
import re
import sys

import cfnlint.decode

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What a request may never cause: reading whole tables, changing what the registry is made of, rights for others.
FORBIDDEN = ("Scan", "PartiQL", "Function", "Table", "Bucket", "PutObjectAcl", "CreateQueue", "DeleteQueue", "PurgeQueue", "PassRole")
# `ListBucket` and its kind look into the bucket; they do not change it. The schedules invoke functions.
HARMLESS = {"s3:ListBucket", "s3:ListBucketMultipartUploads", "lambda:InvokeFunction"}
PREFIXES = {"blobs", "documents", "staging"}
# How many times as long as its function may take a message is invisible. The outbox is to be fast, and takes one message at a
# time; elsewhere it is what AWS advises, so that a function that is turned away does not see a message twice.
INVISIBLE = {"EventsFunction": 1, "KmpPollerFunction": 6, "KmpBuilderFunction": 6}

complaints = []


def check(holds, text):
    if not holds:
        complaints.append(text)


def listed(value):
    return value if isinstance(value, list) else [value]


def of_type(resources, kind):
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


def roles(resources):
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        check(not of_type(resources, kind), f"rights stand in the roles themselves, not in an {kind}")
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        check("ManagedPolicyArns" not in role, f"{name} has a managed policy: those reach everything of a service")
        for policy in role["Policies"]:
            for statement in listed(policy["PolicyDocument"]["Statement"]):
                check(not {"NotAction", "NotResource"} & set(statement), f"{name} is given all but something")
                for action in listed(statement["Action"]):
                    check("*" not in action, f"{name} may {action}: name the actions")
                    forbidden = action not in HARMLESS and any(word in action.split(":")[1] for word in FORBIDDEN)
                    check(not forbidden, f"{name} may {action}")
                for resource in listed(statement["Resource"]):
                    check(named(resource), f"{name} reaches {resource}: name the resource")


def named(resource):
    """Whether a resource of a statement is one thing, or one prefix of the bucket."""
    if isinstance(resource, str):
        return "*" not in resource
    ((function, argument),) = resource.items()
    if function == "Fn::GetAtt":
        return True
    return function == "Fn::Sub" and argument in {f"${{Bucket.Arn}}/{prefix}/*" for prefix in PREFIXES}


def referred(value):
    """The resource that a `Ref` or `GetAtt` names."""
    ((_, argument),) = value.items()
    return argument[0] if isinstance(argument, list) else argument.split(".")[0]


def functions(resources):
    defined = of_type(resources, "AWS::Serverless::Function")
    crates = {path.parent.name for path in ROOT.glob("functions/*/Cargo.toml")}
    # The program of the console has all the families in it that its pages ask, and no function knows another one.
    places = {"infra/console": "console"}
    deployed = {places.get(uri, uri.removeprefix("functions/")) for uri in (function["CodeUri"] for function in defined.values())}
    check(crates == deployed, f"functions of the workspace {sorted(crates)}, of the template {sorted(deployed)}")
    roles = [referred(function["Role"]) for function in defined.values()]
    check(len(set(roles)) == len(roles), f"functions share a role: {roles}")
    for name, function in defined.items():
        check("Policies" not in function, f"{name} has rights beside its role")
        if "Events" not in function:
            reached(name, resources)
        logs = resources[referred(function["LoggingConfig"]["LogGroup"])]
        check("RetentionInDays" in logs["Properties"], f"the logs of {name} are kept for ever")
        for event, definition in function.get("Events", {}).items():
            if definition["Type"] == "SQS":
                consumer(f"{name}.{event}", function, definition["Properties"], resources)


def reached(name, resources):
    """A function of the API needs a route to an integration with it, and must let the API in."""
    integrations = of_type(resources, "AWS::ApiGatewayV2::Integration").items()
    own = {key for key, integration in integrations if referred(integration["IntegrationUri"]) == name}
    routes = of_type(resources, "AWS::ApiGatewayV2::Route").values()
    targets = {route["Target"]["Fn::Sub"].removeprefix("integrations/${").removesuffix("}") for route in routes}
    check(own & targets, f"no route leads to {name}")
    permissions = of_type(resources, "AWS::Lambda::Permission").values()
    check(any(referred(permission["FunctionName"]) == name for permission in permissions), f"the API may not call {name}")


def consumer(name, function, mapping, resources):
    reported = mapping.get("FunctionResponseTypes", [])
    check("ReportBatchItemFailures" in reported, f"{name} cannot report single messages")
    check(mapping.get("ScalingConfig", {}).get("MaximumConcurrency"), f"{name} can take the concurrency of the requests")
    queue = resources[referred(mapping["Queue"])]["Properties"]
    least = INVISIBLE[name.split(".")[0]] * function["Timeout"]
    visible = queue["VisibilityTimeout"] > function["Timeout"] and queue["VisibilityTimeout"] >= least
    check(visible, f"{name}: a message comes again while it is worked on")
    check("RedrivePolicy" in queue, f"{name}: the queue has no dead letters")
    policy = queue.get("RedrivePolicy", {"deadLetterTargetArn": {"Ref": None}})
    told = function["Environment"]["Variables"]["GRANARY_DEAD_LETTERS_QUEUE_URL"]
    check(referred(policy["deadLetterTargetArn"]) == referred(told), f"{name}: the queue has other dead letters than the consumer")
    code = (path.read_text() for path in (ROOT / function["CodeUri"]).glob("src/**/*.rs"))
    code = "".join(text for text in code if "send_dead_letter" in text)
    attempts = {int(number) for number in re.findall(r"\bATTEMPTS: u32 = (\d+)", code)}
    count = policy.get("maxReceiveCount")
    check({number + 1 for number in attempts} == {count}, f"{name}: the consumer gives up after {attempts} attempts, the queue after {count}")


def schedules(resources):
    """Whoever runs the schedules may call those functions that have one, and no others."""
    scheduled = {
        name for name, function in of_type(resources, "AWS::Serverless::Function").items()
        if any(event["Type"] == "ScheduleV2" for event in function.get("Events", {}).values())
    }
    (policy,) = resources["ScheduleRole"]["Properties"]["Policies"]
    called = {referred(arn) for arn in listed(policy["PolicyDocument"]["Statement"]["Resource"])}
    check(called == scheduled, f"the schedules may call {sorted(called)}, and there are some of {sorted(scheduled)}")


def secrets(resources, parameters):
    """What is secret is never shown, and known to no function that has nothing to do with it."""
    for name in ("OidcClientSecret", "CdnPrivateKey", "GithubToken", "GithubAppKey", "GithubWebhookSecret"):
        check(parameters[name].get("NoEcho") is True, f"{name} is shown to whoever may look at the stack")
    for name, function in of_type(resources, "AWS::Serverless::Function").items():
        known = {variable for variable in function.get("Environment", {}).get("Variables", {}) if variable.startswith("GRANARY_GITHUB_")}
        check(not known or name in ("KmpFunction", "KmpBuilderFunction", "ConsoleFunction"), f"{name} knows {sorted(known)}")


def stores(resources):
    bucket = of_type(resources, "AWS::S3::Bucket")["Bucket"]
    check(all(bucket["PublicAccessBlockConfiguration"].values()), "the bucket can be made public")
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    check("AbortIncompleteMultipartUpload" in rules["staging"], "parts of uploads that were given up stay for ever")
    tables = of_type(resources, "AWS::DynamoDB::Table")
    check(len(tables) == 3, f"tables: {sorted(tables)}")
    check("TimeToLiveSpecification" in tables["EphemeralTable"], "what expires is never removed")
    check(tables["RegistryTable"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], "no recovery")


def alarms(resources):
    defined = of_type(resources, "AWS::CloudWatch::Alarm")
    count = len(of_type(resources, "AWS::Serverless::Function"))
    check(len(defined) >= count + 7, f"only {len(defined)} alarms for {count} functions")
    text = str(resources)
    for metric in ("Errors", "Throttles", "Duration", "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"):
        check(f"'{metric}'" in text, f"no alarm looks at {metric}")


def main(template):
    decoded, problems = cfnlint.decode.decode(str(template))
    if problems:
        sys.exit("\n".join(map(str, problems)))
    resources = decoded["Resources"]
    for part in (roles, functions, schedules, stores, alarms):
        part(resources)
    secrets(resources, decoded["Parameters"])
    if complaints:
        sys.exit("\n".join(complaints))
    print(f"{template.name}: {len(of_type(resources, 'AWS::Serverless::Function'))} functions, each with a role of its own")


main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "template.yaml")
