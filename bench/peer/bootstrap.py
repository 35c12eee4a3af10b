"""The least of a Lambda runtime for Python: hands events to the handler, one after another."""

import http.client
import json
import os
import time

from handler import handler

API = "/2018-06-01/runtime/invocation"


class Context:
    """What crhelper asks of Lambda's context object."""

    def __init__(self, headers: http.client.HTTPMessage):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        return self._deadline_ms - int(time.time() * 1000)


def main() -> None:
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        connection.request("GET", f"{API}/next")
        invocation = connection.getresponse()
        event = json.load(invocation)
        context = Context(invocation.headers)
        result = handler(event, context)
        connection.request("POST", f"{API}/{context.aws_request_id}/response", json.dumps(result))
        connection.getresponse().read()


if __name__ == "__main__":
    main()
