"""The process in which a function runs: AWS's Python runtime, in one file.

``patches/lambda_runtime.py`` runs ``python -I -S lambda_worker.py FD``, without the server's packages and environment.
The socket FD carries one JSON line per invocation each way; standard output and error go to a file that the server
reads after each answer. This module imports nothing of the project.
"""

import decimal
import importlib
import json
import logging
import os
import queue
import socket
import sys
import threading
import time
import traceback

RESPONSE_LIMIT = 6_291_556  # bytes that AWS lets a synchronous function return


class Context:
    """The context object of a handler."""

    identity = None
    client_context = None

    def __init__(self, call):
        self.aws_request_id = call["request_id"]
        self.invoked_function_arn = call["function_arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = time.monotonic() + call["timeout"]

    def get_remaining_time_in_millis(self):
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class LogHandler(logging.Handler):
    """AWS's handler on the root logger: one line a record, text or JSON."""

    request_id = ""

    def emit(self, record):
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        message = record.getMessage()
        if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
            line = {
                "timestamp": f"{moment}Z",
                "level": record.levelname,
                "message": message,
                "logger": record.name,
                "requestId": self.request_id,
            }
            if record.exc_info:
                line |= described(record.exc_info[1])
            print(json.dumps(line), flush=True)
        else:
            if record.exc_info:
                message += "\n" + "".join(traceback.format_exception(*record.exc_info))
            print(f"[{record.levelname}]\t{moment}.{int(record.msecs):03d}Z\t{self.request_id}\t{message}", flush=True)


def described(error):
    """Return an exception as the runtime reports it, without the frames of this file."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": traceback.format_list(frames)}


def failure(error_type, message):
    return {"errorMessage": message, "errorType": error_type, "stackTrace": []}


def report(error, request_id):
    """Log an error as AWS does."""
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        print(json.dumps({"level": "ERROR", "requestId": request_id, **error}), flush=True)
    else:
        trace = "Traceback (most recent call last):\n" + "".join(error["stackTrace"]) if error["stackTrace"] else ""
        print(f"[ERROR] {error['errorType']}: {error['errorMessage']}\n{trace}", flush=True)


def load():
    """Import the handler; return it and None, or None and the error."""
    module_name, _, name = os.environ["_HANDLER"].rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        return None, failure("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        return None, failure("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}")
    except Exception as error:
        return None, described(error)
    handler = getattr(module, name, None)
    if handler is None:
        return None, failure("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'")
    return handler, None


def number(value):
    """Return a Decimal as a JSON number, as AWS's runtime writes it."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def invoke(handler, event, context):
    """Run the handler and return its result or its error."""
    try:
        result = handler(event, context)
    except Exception as error:
        return {"error": described(error)}
    try:
        text = json.dumps(result, ensure_ascii=False, default=number)
    except (TypeError, ValueError) as error:
        return {"error": failure("Runtime.MarshalError", f"Unable to marshal response: {error}")}
    if len(text.encode("utf-8", "surrogatepass")) > RESPONSE_LIMIT:
        return {
            "error": failure(
                "Function.ResponseSizeTooLarge",
                f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",
            )
        }
    return {"result": result}


def receive(channel, requests):
    """Queue the calls. End this process with the server, even during a call."""
    for line in channel.makefile("rb"):
        requests.put(line)
    os._exit(0)


def await_debugger(channel, port, debugger):
    """Listen with debugpy, the folder ``debugger``, say so, and wait until a client is attached."""
    sys.path.append(os.path.dirname(debugger))
    debugpy = importlib.import_module("debugpy")
    sys.path.pop()
    debugpy.listen(("127.0.0.1", port), in_process_debug_adapter=True)
    channel.sendall(b'{"listening": true}\n')
    debugpy.wait_for_client()


def main(channel):
    logs = LogHandler()
    root = logging.getLogger()
    root.addHandler(logs)
    root.setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "WARNING"))
    # As on AWS: the function's own files first, then its layers, then the runtime's.
    sys.path[:0] = [path for path in os.environ.pop("_EMULATOR_PATH").split(os.pathsep) if path]
    requests = queue.SimpleQueue()
    receiving = threading.Thread(target=receive, args=(channel, requests), daemon=True)
    receiving.pydev_do_not_trace = True  # a debugger that pauses all threads leaves this one running
    receiving.start()
    if wanted := os.environ.pop("_EMULATOR_DEBUG", ""):
        await_debugger(channel, **json.loads(wanted))
    handler, broken = load()
    channel.sendall(json.dumps({"error": broken}).encode() + b"\n")
    while True:
        call = json.loads(requests.get())
        logs.request_id = call["request_id"]
        os.environ.pop("_X_AMZN_TRACE_ID", None)
        if call["trace_id"]:
            os.environ["_X_AMZN_TRACE_ID"] = call["trace_id"]
        answer = {"error": broken, "ended": True} if broken else invoke(handler, call["event"], Context(call))
        if "error" in answer:
            report(answer["error"], logs.request_id)
        sys.stdout.flush()
        sys.stderr.flush()
        channel.sendall(json.dumps(answer, default=number).encode() + b"\n")
        if broken:
            break  # AWS, too, starts a new process after a failed initialisation


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
