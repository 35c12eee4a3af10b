"""Answers as S3 judges them: botocore signs the URL, a sink works the signature out anew from what arrived."""

import base64
import hashlib
import hmac
import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import boto3
import pytest
from botocore.config import Config

KEY_ID, SECRET, TOKEN = "ASIAURLSIGNER0000001", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjE+/=="
BUCKET = "cloudformation-custom-resource-response-euwest1"
# As CloudFormation names the objects that it waits for.
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/payments packages+1/6b1d3c50-c8c1-11f1-9d2e-0a1b2c3d4e5f"
OBJECT = f"{STACK}|Packages|0d6f7f0e-57b6-4a39-8e0e-3c1c5a8f2b01"


def v4(request: "Sink") -> bool:
    """Signature Version 4, in the query. Source: "Authenticating Requests: Using Query Parameters", Amazon S3."""
    parts = urlsplit(request.path)
    query = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(query)
    names = given["X-Amz-SignedHeaders"].split(";")
    signed = sorted((name, value) for name, value in query if name != "X-Amz-Signature")
    canonical = "\n".join(
        [
            request.command,
            quote(unquote(parts.path), safe="/~"),
            "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in signed),
            *(f"{name}:{request.headers.get(name, '').strip()}" for name in names),
            "",
            ";".join(names),
            "UNSIGNED-PAYLOAD",
        ]
    )
    scope = given["X-Amz-Credential"].split("/", 1)[1]
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", given["X-Amz-Date"], scope, digest])
    key = f"AWS4{SECRET}".encode()
    for part in [*scope.split("/"), to_sign]:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(key.hex(), given["X-Amz-Signature"])


def v2(request: "Sink") -> bool:
    """Signature Version 2, which covers the type. Source: "Signing and Authenticating REST Requests", Amazon S3."""
    parts = urlsplit(request.path)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    headers = request.headers
    to_sign = [request.command, headers.get("Content-MD5", ""), headers.get("Content-Type", ""), given["Expires"]]
    if token := given.get("x-amz-security-token"):
        to_sign.append(f"x-amz-security-token:{token}")
    to_sign += [
        f"{name.lower()}:{value}" for name, value in sorted(headers.items()) if name.lower().startswith("x-amz-")
    ]
    digest = hmac.digest(SECRET.encode(), "\n".join([*to_sign, parts.path]).encode(), "sha1")
    return hmac.compare_digest(base64.b64encode(digest).decode(), given["Signature"])


class Sink(BaseHTTPRequestHandler):
    """The bucket. It takes what is signed right, and keeps it."""

    taken: list[dict]
    refused: list[str]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_right = v4(self) if "X-Amz-Signature" in self.path else v2(self)
        if is_right:
            self.taken.append(json.loads(body))
        else:
            self.refused.append(self.path)
        self.send_response(200 if is_right else 403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def sink() -> Iterator[ThreadingHTTPServer]:
    handler = type("OneSink", (Sink,), {"taken": [], "refused": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def presigned(sink: ThreadingHTTPServer, version: str, token: str | None) -> str:
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{sink.server_port}",
        region_name="eu-west-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        aws_session_token=token,
        config=Config(signature_version=version, s3={"addressing_style": "path"}),
    )
    return s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": OBJECT}, ExpiresIn=7200)


@pytest.mark.parametrize("token", [None, TOKEN], ids=["user", "session"])
@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_an_answer_is_signed_right_when_it_arrives(terminal, sink, version, token):
    event = {
        "RequestType": "Delete",
        "ResponseURL": presigned(sink, version, token),
        "StackId": STACK,
        "RequestId": "0d6f7f0e-57b6-4a39-8e0e-3c1c5a8f2b01",
        "ResourceType": "Custom::CodeArtifactStack",
        "LogicalResourceId": "Packages",
        "PhysicalResourceId": "codeartifact-stack:not-created",
        "ResourceProperties": {},
    }
    function = terminal.outputs("codeartifact-stack")["ServiceToken"]
    answer = terminal.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()

    handler = sink.RequestHandlerClass
    assert handler.refused == []
    (taken,) = handler.taken
    assert (taken["Status"], taken["RequestId"]) == ("SUCCESS", event["RequestId"])


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_the_sink_refuses_what_is_signed_wrong(sink, version):
    url = presigned(sink, version, None)
    wrong = {
        "s3v4": [(url.replace("Packages", "Other"), ""), (url.replace("7200", "7201"), "")],
        "s3": [(url.replace("Packages", "Other"), ""), (url, "application/json")],
    }
    for target, content_type in wrong[version]:
        request = urllib.request.Request(target, data=b"{}", method="PUT", headers={"Content-Type": content_type})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request)
    right = urllib.request.Request(url, data=b"{}", method="PUT", headers={"Content-Type": ""})
    urllib.request.urlopen(right).close()
