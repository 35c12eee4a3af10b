"""ministack, where CloudFormation, Lambda and KMS do more than it does: run by its own Python in place of its program.

Each part puts itself around a function of the pinned release (tools/ministack.in), and says what AWS does.
"""

import asyncio
import contextvars
import functools
import hashlib
import json
import os
import re
import secrets
import threading
import time
import urllib.request
from collections import defaultdict
from xml.sax.saxutils import escape

from ministack.app import main
from ministack.core import lambda_runtime
from ministack.services import cloudformation, kms, lambda_svc
from ministack.services.cloudformation import custom_resource, handlers, stacks


def clean_up_after_failed_resources() -> None:
    """CloudFormation sends a Delete for the id by which a failed Create was answered, and for the new id of a failed
    replacement: in the rollback, or with the stack. ministack forgets that id."""
    deliver, invoke = custom_resource.deliver_response, custom_resource.invoke_custom_resource
    roll_back = stacks._roll_back_operation
    answered: dict[tuple, str] = {}

    def deliver_response(token, answer):
        if answer.get("Status") == "FAILED":
            answered[answer.get("StackId"), answer.get("LogicalResourceId")] = answer.get("PhysicalResourceId")
        return deliver(token, answer)

    def invoke_custom_resource(request, name, properties, stack_name, stack_id, kind, physical_id=None, old_props=None):
        try:
            return invoke(request, name, properties, stack_name, stack_id, kind, physical_id, old_props)
        except RuntimeError:
            made = answered.pop((stack_id, name), None)
            if request != "Delete" and made and made != physical_id:
                cloudformation._stacks[stack_name].setdefault("_resources", {})[name] = {
                    "LogicalResourceId": name,
                    "PhysicalResourceId": made,
                    "ResourceType": kind,
                    "ResourceStatus": "CREATE_FAILED",
                    "Properties": properties,
                    "Attributes": {},
                }
            raise

    async def roll_back_operation(stack_name, stack_id, stack, operation, *more, **others):
        failed = operation.get("failed_logical_id")
        if stack.get("_resources", {}).get(failed, {}).get("ResourceStatus") == "CREATE_FAILED":
            operation["created"].append(failed)
        await roll_back(stack_name, stack_id, stack, operation, *more, **others)

    custom_resource.deliver_response = deliver_response
    custom_resource.invoke_custom_resource = invoke_custom_resource
    stacks._roll_back_operation = handlers._roll_back_operation = roll_back_operation


def cancel_creations_of_deleted_stacks() -> None:
    """CloudFormation cancels the creation of a stack that is deleted: what is being created gets a Delete at once, with
    an id that CloudFormation makes up, while its Create goes on. ministack lets the creation end, over the deletion."""
    invoke, delete = custom_resource.invoke_custom_resource, stacks._delete_stack_async
    schedule = stacks._create_stack_task_in_region
    under_way: dict[tuple, dict] = {}
    creations: dict[str, asyncio.Task] = {}

    def invoke_custom_resource(request, name, properties, stack_name, stack_id, kind, *more, **others):
        if request != "Create":
            return invoke(request, name, properties, stack_name, stack_id, kind, *more, **others)
        under_way[stack_id, name] = {
            "LogicalResourceId": name,
            "PhysicalResourceId": f"{stack_name}-{name}-{secrets.token_hex(6).upper()}",
            "ResourceType": kind,
            "ResourceStatus": "CREATE_IN_PROGRESS",
            "Properties": properties,
            "Attributes": {},
        }
        try:
            return invoke(request, name, properties, stack_name, stack_id, kind, *more, **others)
        finally:
            under_way.pop((stack_id, name), None)

    def create_stack_task_in_region(work, stack, stack_id=None):
        async def run():
            creations.setdefault(stack_id, asyncio.current_task())
            await work

        schedule(run() if (stack or {}).get("StackStatus") == "CREATE_IN_PROGRESS" else work, stack, stack_id)

    async def delete_stack_async(stack_name, stack_id, *more, **others):
        stack = cloudformation._stacks.get(stack_name) or {}
        creation = creations.pop(stack_id, None)
        if creation and creation is not asyncio.current_task() and not creation.done():
            cancelled = {name: record for (of, name), record in under_way.items() if of == stack_id}
            creation.cancel()
            stack.setdefault("_resources", {}).update(cancelled)
        await delete(stack_name, stack_id, *more, **others)

    custom_resource.invoke_custom_resource = invoke_custom_resource
    stacks._create_stack_task_in_region = handlers._create_stack_task_in_region = create_stack_task_in_region
    stacks._delete_stack_async = handlers._delete_stack_async = delete_stack_async


def keep_imported_exports() -> None:
    """CloudFormation rolls an Update back that takes out an export, or changes its value, while a stack imports it.
    ministack only refuses to delete the stack."""
    resolve = stacks._resolve_stack_outputs

    def importer(export: str, owner: str) -> str | None:
        for name, stack in list(cloudformation._stacks.items()):
            is_there = name != owner and not stack.get("StackStatus", "").startswith("DELETE_")
            if is_there and export in handlers._imported_export_names(stack, name):
                return name
        return None

    def resolve_stack_outputs(definitions, conditions, resources, values, mappings, stack_name, stack_id):
        outputs, exports = resolve(definitions, conditions, resources, values, mappings, stack_name, stack_id)
        for before in cloudformation._stacks.get(stack_name, {}).get("Outputs", []):
            name = before.get("ExportName")
            if not name or exports.get(name, {}).get("Value") == before["OutputValue"]:
                continue
            if used_by := importer(name, stack_name):
                done = "updated" if name in exports else "deleted"
                raise ValueError(f"Export {name} cannot be {done} as it is in use by {used_by}")
        return outputs, exports

    stacks._resolve_stack_outputs = resolve_stack_outputs


def show_properties_in_events() -> None:
    """CloudFormation's events have the properties of a resource as they were sent: all is resolved."""
    add, invoke = stacks._add_event, custom_resource.invoke_custom_resource
    describe = handlers._ACTION_HANDLERS["DescribeStackEvents"]
    sent: dict[tuple, str] = {}
    properties_of: dict[str, str] = {}

    def invoke_custom_resource(request, name, properties, stack_name, stack_id, *more, **others):
        sent[stack_id, name] = json.dumps(custom_resource._normalise_resource_properties(properties))
        return invoke(request, name, properties, stack_name, stack_id, *more, **others)

    def add_event(stack_id, stack_name, name, *more, **others):
        add(stack_id, stack_name, name, *more, **others)
        if (stack_id, name) in sent:
            properties_of[cloudformation._stack_events[stack_id][-1]["EventId"]] = sent[stack_id, name]

    def describe_stack_events(parameters):
        status, headers, body = describe(parameters)
        for event in re.findall(rb"<EventId>(.*?)</EventId>", body):
            if properties := properties_of.get(event.decode()):
                shown = f"<ResourceProperties>{escape(properties)}</ResourceProperties>".encode()
                body = body.replace(b"<EventId>" + event, shown + b"<EventId>" + event)
        return status, headers, body

    custom_resource.invoke_custom_resource = invoke_custom_resource
    stacks._add_event = add_event
    handlers._ACTION_HANDLERS["DescribeStackEvents"] = describe_stack_events


def tell_functions_their_log() -> None:
    """Lambda tells a function the names of its log group and of the stream that its lines are in."""
    variables, emit, new_uuid = lambda_svc._runtime_env_vars, lambda_svc._emit_lambda_logs, lambda_svc.new_uuid
    stream_id = contextvars.ContextVar("stream_id", default="")

    def id_of(config: dict) -> str:
        return hashlib.md5(config.get("FunctionArn", "").encode(), usedforsecurity=False).hexdigest()

    def runtime_env_vars(config):
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName')}"
        day = time.strftime("%Y/%m/%d", time.gmtime())
        return {
            **variables(config),
            "AWS_LAMBDA_LOG_GROUP_NAME": group,
            "AWS_LAMBDA_LOG_STREAM_NAME": f"{day}/[{config.get('Version', '$LATEST')}]{id_of(config)}",
        }

    def emit_lambda_logs(function, *arguments, **others):
        token = stream_id.set(id_of(function.get("config") or function))
        try:
            emit(function, *arguments, **others)
        finally:
            stream_id.reset(token)

    lambda_svc._runtime_env_vars = runtime_env_vars
    lambda_svc._emit_lambda_logs = emit_lambda_logs
    lambda_svc.new_uuid = lambda: stream_id.get() or new_uuid()


def keep_each_line_in_the_log_of_its_call() -> None:
    """What a function has written before it answers is in the log then. ministack waits 5 ms for another line, and has
    what comes later, on a busy machine the last one, in the log of the next call, if there is one."""
    drain = lambda_runtime.Worker._drain_stderr_bounded
    patient = functools.partialmethod(drain, first_line_wait=0.25, idle_confirm=0.1, hard_cap=2.0)
    lambda_runtime.Worker._drain_stderr_bounded = patient


def show_keys_to(codeartifact: str) -> None:
    """CodeArtifact asks KMS for a domain's key: the emulator is told which there are, and in which state."""

    def keys() -> dict[str, list[str]]:
        by_state = defaultdict(list)
        for record in list(kms._keys._data.values()):
            by_state[record["KeyState"]].append(record["Arn"])
        unusable = sorted(arn for state, arns in by_state.items() if state != "Enabled" for arn in arns)
        asymmetric = sorted(r["Arn"] for r in list(kms._keys._data.values()) if r["KeySpec"] != "SYMMETRIC_DEFAULT")
        known = sorted(arn for arns in by_state.values() for arn in arns)
        return {"known": known, "disabled": unusable, "lost": unusable, "asymmetric": asymmetric}

    def watch() -> None:
        told = None
        while True:
            now = keys()
            if now != told:
                request = urllib.request.Request(
                    f"{codeartifact}/_emulator/settings", data=json.dumps({"keys": now}).encode(), method="PUT"
                )
                urllib.request.urlopen(request, timeout=10).close()
                told = now
            time.sleep(0.1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    clean_up_after_failed_resources()
    cancel_creations_of_deleted_stacks()
    keep_imported_exports()
    show_properties_in_events()
    tell_functions_their_log()
    keep_each_line_in_the_log_of_its_call()
    show_keys_to(os.environ["AWS_ENDPOINT_URL_CODEARTIFACT"])
    main()
