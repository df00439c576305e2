"""What scripts/deploy and scripts/destroy do. Both say in their heads how they are used."""

import argparse
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib

import botocore.exceptions
import botocore.session

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
# The smallest and fastest to start; sam builds with the profile `release` whatever it is told.
PROFILE = {"CARGO_PROFILE_RELEASE_LTO": "fat", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "1"}
# The variable of a function for each output of the stack that names a store.
STORES = {
    "Url": "GRANARY_PUBLIC_URL",
    "RegistryTable": "GRANARY_REGISTRY_TABLE",
    "EphemeralTable": "GRANARY_EPHEMERAL_TABLE",
    "CountersTable": "GRANARY_COUNTERS_TABLE",
    "Bucket": "GRANARY_BUCKET",
    "EventsQueueUrl": "GRANARY_EVENTS_QUEUE_URL",
    "KmpPollQueueUrl": "GRANARY_KMP_POLL_QUEUE_URL",
    "KmpBuildQueueUrl": "GRANARY_KMP_BUILD_QUEUE_URL",
}


def fail(text):
    sys.exit(f"scripts/{sys.argv[1]}: {text}")


def say(text):
    print(f"== {text}", file=sys.stderr, flush=True)


def run(*command, **environment):
    result = subprocess.run(command, cwd=ROOT, env={**os.environ, "SAM_CLI_TELEMETRY": "0", **environment})
    if result.returncode:
        fail(f"`{shlex.join(map(str, command))}` failed, see above")


class Stack:
    """A deployment: its settings here, and what there is of it on AWS."""

    def __init__(self, environment):
        settings = tomllib.loads((ROOT / "samconfig.toml").read_text())
        environments = [name for name in settings if isinstance(settings[name], dict) and "deploy" in settings[name]]
        if environment not in environments:
            fail(f"there is no environment '{environment}' in samconfig.toml, only {', '.join(environments)}")
        self.environment = environment
        self.name = settings[environment]["global"]["parameters"]["stack_name"]
        listed = settings[environment]["deploy"]["parameters"]["parameter_overrides"]
        self.settings = dict(setting.split("=", 1) for setting in listed)
        self.session = botocore.session.get_session()
        if not self.session.get_config_variable("region"):
            fail("set the region to deploy to, such as AWS_DEFAULT_REGION=eu-central-1")

    def client(self, service):
        return self.session.create_client(service)

    def describe(self):
        """The stack as it is, or nothing."""
        try:
            return self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        except botocore.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def introduce(self):
        account = self.client("sts").get_caller_identity()["Account"]
        region = self.session.get_config_variable("region")
        say(f"stack {self.name} in account {account}, region {region}")


# Its first deployment failed: it holds nothing, and nothing can be deployed over it.
FAILED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS")


def outputs(stack):
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def parameters_of_template():
    block = re.search(r"^Parameters:\n(.*?)^\S", TEMPLATE.read_text(), re.M | re.S).group(1)
    return set(re.findall(r"^  (\w+):", block, re.M))


def parameters(stack, present, given):
    """What the stack is deployed with: what was given here, and the first time the settings of samconfig.toml. What is
    not named keeps its value."""
    known = parameters_of_template()
    values = {} if present else dict(stack.settings)
    for word in given:
        name, sign, value = word.partition("=")
        if not sign or name not in known:
            fail(f"'{word}' is no NAME=VALUE of a parameter; there are {', '.join(sorted(known))}")
        values[name] = pathlib.Path(value[1:]).read_text().strip() if value.startswith("@") else value
    if present is None:
        for name, meaning in {
            "OidcIssuer": "the address of your identity provider, as in the `iss` of its ID tokens",
            "Admins": "the user ids (`sub`) that administer the registry, separated by commas",
        }.items():
            if not values.get(name):
                fail(f"the first deployment needs {name}=...: {meaning}")
    return values


def architecture(values, present):
    before = {item["ParameterKey"]: item.get("ParameterValue") for item in (present or {}).get("Parameters", [])}
    chosen = values.get("Architecture") or before.get("Architecture") or "arm64"
    if chosen not in TARGETS:
        fail(f"Architecture is {' or '.join(TARGETS)}, not '{chosen}'")
    return chosen


def built(work, artifacts, chosen):
    """The template with what was built in the place of what would be built."""
    if artifacts is None:
        say(f"building the functions for {chosen}; the first time takes a quarter of an hour or more")
        run("rustup", "target", "add", TARGETS[chosen])
        run("sam", "build", "--no-cached", "--parameter-overrides", f"Architecture={chosen}", **PROFILE)
        return ROOT / ".aws-sam" / "build" / "template.yaml"
    artifacts = pathlib.Path(artifacts).resolve()

    def place(match):
        folder = artifacts / f"granary-fn-{match[2]}"
        if not (folder / "bootstrap").is_file():
            fail(f"{folder}/bootstrap is missing")
        return match[1] + json.dumps(str(folder))

    template = work / "template.yaml"
    text = re.sub(r"^( *CodeUri: )(?:functions|infra)/([a-z-]+)$", place, TEMPLATE.read_text(), flags=re.M)
    template.write_text(text)
    return template


def deployed(stack):
    """The stack as it is, which has to be there."""
    present = stack.describe()
    if present is None:
        fail(f"there is no stack {stack.name}")
    return present


def token(stack, found):
    """Makes and shows a token of an administrator, and what to begin with."""
    # Rights of a role that is new take some seconds to be known everywhere.
    for pause in (5, 10, 20, None):
        answer = stack.client("lambda").invoke(FunctionName=found["EventsFunction"], Payload=b'{"task":"admin-token"}')
        made = json.loads(answer["Payload"].read())
        if "token" in made:
            break
        if pause is None:
            reason = made.get("errorMessage", made)
            fail(f"no token could be made: {reason}\nTry again with scripts/deploy {stack.environment} --token")
        time.sleep(pause)
    print(f"Token of the administrator '{made['user']}', for {made['expiresInDays']:g} days, shown only now:\n")
    print(f"  {made['token']}\n")
    print("With it, a repository for npm packages:\n")
    print(f"  curl -X POST {found['Url']}/api/repos -H 'Authorization: Bearer TOKEN' \\")
    print("    -H 'Content-Type: application/json' -d '{\"name\":\"my-npm\",\"packageTypes\":[\"npm\"]}'\n")


def deploy(stack, options):
    stack.introduce()
    present = stack.describe()
    if present and present["StackStatus"] in FAILED:
        say("removing what is left of a first deployment that failed")
        delete_data(stack, *delete_stack(stack))
        present = None
    values = parameters(stack, present, options.parameters)
    chosen = architecture(values, present)
    say("checking the template")
    run("sam", "validate", "--lint", "--template-file", TEMPLATE)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        template = built(work, options.artifacts, chosen)
        # In a file that only its owner reads: other users see the arguments of a command.
        file = work / "parameters.yaml"
        file.touch(mode=0o600)
        file.write_text(json.dumps({**values, "Architecture": chosen}))
        say("deploying")
        asking = ["--no-confirm-changeset"] if options.yes else []
        run(
            "sam", "deploy", "--config-file", ROOT / "samconfig.toml", "--config-env", stack.environment,
            "--template-file", template, "--no-progressbar", *asking,
            "--parameter-overrides", f"file://{file}",
        )
    after = deployed(stack)
    found = outputs(after)
    if after["StackStatus"] in FAILED or not after["StackStatus"].endswith("_COMPLETE") or "Url" not in found:
        fail("nothing was deployed")
    print(f"\nGranary is deployed at {found['Url']}")
    print(f"Health: {found['Url']}/health   Address for the identity provider: {found['SignInCallback']}")
    if present is None:
        token(stack, found)
    print(f"Another token: scripts/deploy {stack.environment} --token. Removal: scripts/destroy {stack.environment}.")


def variables(stack):
    present = deployed(stack)
    found = outputs(present)
    given = {item["ParameterKey"]: item["ParameterValue"] for item in present["Parameters"]}
    values = {variable: found[output] for output, variable in STORES.items()}
    for parameter, variable in {
        "OidcIssuer": "GRANARY_OIDC_ISSUER", "OidcAudience": "GRANARY_OIDC_AUDIENCE", "Admins": "GRANARY_ADMINS",
        "RepoQuotaBytes": "GRANARY_REPO_QUOTA_BYTES",
    }.items():
        values[variable] = given[parameter]
    for name, value in values.items():
        print(f"export {name}={shlex.quote(value)}")


def delete_stack(stack):
    """Deletes the stack, and gives the tables and the buckets that it had: some of them are retained."""
    cloudformation = stack.client("cloudformation")
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name)
    had = {"AWS::DynamoDB::Table": [], "AWS::S3::Bucket": []}
    for resource in (resource for page in pages for resource in page["StackResourceSummaries"]):
        if resource["ResourceType"] in had and resource.get("PhysicalResourceId"):
            had[resource["ResourceType"]].append(resource["PhysicalResourceId"])
    tables, buckets = had.values()
    cloudformation.delete_stack(StackName=stack.name)
    waiter = cloudformation.get_waiter("stack_delete_complete")
    waiter.wait(StackName=stack.name, WaiterConfig={"Delay": 5, "MaxAttempts": 360})
    return tables, buckets


def retained(stack, tables, buckets):
    """Those of the tables and the buckets that are still there."""
    dynamodb, s3 = stack.client("dynamodb"), stack.client("s3")

    def is_there(look, missing):
        try:
            look()
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in missing:
                return False
            raise
        return True

    return (
        [table for table in tables
         if is_there(lambda: dynamodb.describe_table(TableName=table), ["ResourceNotFoundException"])],
        [bucket for bucket in buckets if is_there(lambda: s3.head_bucket(Bucket=bucket), ["404", "NoSuchBucket"])],
    )


def delete_data(stack, tables, buckets):
    tables, buckets = retained(stack, tables, buckets)
    for table in tables:
        delete_table(stack, table)
    for bucket in buckets:
        delete_bucket(stack, bucket)


def delete_table(stack, table):
    dynamodb = stack.client("dynamodb")
    if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=table)
    dynamodb.delete_table(TableName=table)
    dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    say(f"deleted {table}")


def delete_bucket(stack, bucket):
    s3 = stack.client("s3")
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
        objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
        if objects:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            if answer.get("Errors"):
                fail(f"{bucket} could not be emptied: {answer['Errors'][0]}")
            say(f"deleted {len(objects)} objects")
    s3.delete_bucket(Bucket=bucket)
    say(f"deleted {bucket}")


def confirmed(question, word):
    try:
        return input(question) == word
    except EOFError:
        return False


def destroy(stack, options):
    if options.retained and not options.data:
        fail("names of tables and buckets go with --data")
    stack.introduce()
    if options.retained:
        # What an earlier run has left.
        tables = [name for name in options.retained if "Table" in name]
        buckets = [name for name in options.retained if "Table" not in name]
        if not options.yes and not confirmed(f"This deletes {', '.join(options.retained)}. Type yes to go on: ", "yes"):
            fail("nothing was deleted")
        delete_data(stack, tables, buckets)
        return
    found = outputs(deployed(stack))
    if not options.yes:
        loss = "and everything that was ever published to it" if options.data else "but not its data"
        question = f"This removes the registry {found.get('Url', '')} {loss}. Type {stack.name} to go on: "
        if not confirmed(question, stack.name):
            fail("nothing was removed")
    say("removing the stack")
    tables, buckets = retained(stack, *delete_stack(stack))
    left = " ".join(tables + buckets)
    again = f"scripts/destroy {stack.environment} --data {left}"
    if not options.data:
        print(f"{stack.name} is gone. These stay, and cost as long as they do: {left}\nTo delete them: {again}")
        return
    say(f"deleting the data; should this break off, go on with: {again}")
    delete_data(stack, tables, buckets)
    print(f"{stack.name} and its data are gone.")


def arguments(command, words):
    parser = argparse.ArgumentParser(prog=f"scripts/{command}", usage=f"scripts/{command} --help tells", add_help=False)
    parser.add_argument("environment")
    parser.add_argument("--yes", action="store_true")
    if command == "destroy":
        parser.add_argument("--data", action="store_true")
        parser.add_argument("retained", nargs="*")
    else:
        parser.add_argument("parameters", nargs="*")
        parser.add_argument("--artifacts")
        alone = parser.add_mutually_exclusive_group()
        alone.add_argument("--token", action="store_true")
        alone.add_argument("--variables", action="store_true")
    return parser.parse_intermixed_args(words)


def main(command, *words):
    options = arguments(command, words)
    try:
        stack = Stack(options.environment)
        if command == "destroy":
            destroy(stack, options)
        elif options.variables:
            variables(stack)
        elif options.token:
            token(stack, outputs(deployed(stack)))
        else:
            deploy(stack, options)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        fail(str(error))


main(*sys.argv[1:])
