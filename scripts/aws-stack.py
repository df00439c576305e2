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


def outputs(stack):
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def parameters_of_template():
    block = re.search(r"^Parameters:\n(.*?)^\S", TEMPLATE.read_text(), re.M | re.S).group(1)
    return set(re.findall(r"^  (\w+):", block, re.M))


def parameters(stack, present, given):
    """What the stack is deployed with: the settings of samconfig.toml and what was given here."""
    known = parameters_of_template()
    values = dict(stack.settings)
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
        run("sam", "build", "--parameter-overrides", f"Architecture={chosen}", **PROFILE)
        return ROOT / ".aws-sam" / "build" / "template.yaml"
    artifacts = pathlib.Path(artifacts).resolve()

    def place(match):
        folder = artifacts / f"granary-fn-{match[2]}"
        if not (folder / "bootstrap").is_file():
            fail(f"{folder}/bootstrap is missing")
        return match[1] + json.dumps(str(folder))

    template = work / "template.yaml"
    text = re.sub(r"^( *CodeUri: )functions/([a-z-]+)$", place, TEMPLATE.read_text(), flags=re.M)
    template.write_text(text)
    return template


def deployed(stack):
    """The stack as it is, which has to be there."""
    present = stack.describe()
    if present is None:
        fail(f"there is no stack {stack.name}; deploy it first")
    return present


def token(stack, found):
    """Makes and shows a token of an administrator, and what to begin with."""
    answer = stack.client("lambda").invoke(FunctionName=found["EventsFunction"], Payload=b'{"task":"admin-token"}')
    made = json.loads(answer["Payload"].read())
    if "token" not in made:
        fail(f"no token could be made: {made.get('errorMessage', made)}")
    print(f"Token of the administrator '{made['user']}', for {made['expiresInDays']:g} days, shown only now:\n")
    print(f"  {made['token']}\n")
    print("With it, a repository for npm packages:\n")
    print(f"  curl -X POST {found['Url']}/api/repos -H 'Authorization: Bearer TOKEN' \\")
    print("    -H 'Content-Type: application/json' -d '{\"name\":\"my-npm\",\"packageTypes\":[\"npm\"]}'\n")


def deploy(stack, options):
    stack.introduce()
    present = stack.describe()
    if present and present["StackStatus"] in ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"):
        # Its first deployment failed: it holds nothing, and nothing can be deployed over it.
        say("removing what is left of a first deployment that failed")
        delete_stack(stack)
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
    found = outputs(deployed(stack))
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
    cloudformation = stack.client("cloudformation")
    cloudformation.delete_stack(StackName=stack.name)
    waiter = cloudformation.get_waiter("stack_delete_complete")
    waiter.wait(StackName=stack.name, WaiterConfig={"Delay": 5, "MaxAttempts": 360})


def delete_table(stack, table):
    dynamodb = stack.client("dynamodb")
    try:
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=table)
    except dynamodb.exceptions.ResourceNotFoundException:
        return
    dynamodb.get_waiter("table_not_exists").wait(TableName=table)


def delete_bucket(stack, bucket):
    s3 = stack.client("s3")
    try:
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
            objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
            if objects:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                say(f"deleted {len(objects)} objects")
        s3.delete_bucket(Bucket=bucket)
    except s3.exceptions.NoSuchBucket:
        pass


def destroy(stack, options):
    stack.introduce()
    present = deployed(stack)
    found = outputs(present) if present.get("Outputs") else {}
    kept = [found[name] for name in ("RegistryTable", "CountersTable", "Bucket") if name in found]
    if not options.yes:
        loss = "and everything that was ever published to it" if options.data else "but not its data"
        if input(f"This removes the registry {found.get('Url', '')} {loss}. Type {stack.name} to go on: ") != stack.name:
            fail("nothing was removed")
    say("removing the stack")
    delete_stack(stack)
    if options.data:
        say("deleting the data")
        for name in kept[:2]:
            delete_table(stack, name)
        for name in kept[2:]:
            delete_bucket(stack, name)
        print(f"{stack.name} and its data are gone.")
    else:
        print(f"{stack.name} is gone. These stay, and cost as long as they do: {', '.join(kept)}")


def arguments(command, words):
    parser = argparse.ArgumentParser(prog=f"scripts/{command}", usage=f"scripts/{command} --help tells", add_help=False)
    parser.add_argument("environment")
    parser.add_argument("--yes", action="store_true")
    if command == "destroy":
        parser.add_argument("--data", action="store_true")
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
