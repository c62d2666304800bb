"""Write a comment on a pull request, or update the one that an earlier run wrote.

    comment.py plan ENVIRONMENT FILE        the plan, as `--plan --output markdown` prints it; no plan: it failed
    comment.py preview ENVIRONMENT FILE     where the preview is, from its --outputs-file; no file: it failed
    comment.py destroyed ENVIRONMENT

A hidden first line says what the comment is about. Read from the environment: PULL_REQUEST, GITHUB_TOKEN, and what
GitHub sets in every run.
"""

import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

LIMIT = 65_536
"""Characters that GitHub accepts."""

PAGE = 100
ATTEMPTS = 3
SECONDS = float(os.environ.get("COMMENT_RETRY_SECONDS", "5"))


def text_of(kind: str, environment: str, content: str) -> str:
    """Return the comment's Markdown. `content`: of the file, "" if the step before failed."""
    if kind == "destroyed":
        return f"The preview `{environment}` is destroyed, with its data."
    if not content:
        return f"The {kind} of `{environment}` failed: [the run]({run_url()}) says why."
    if kind == "plan":
        return content
    return (
        f"The preview `{environment}` is at {json.loads(content)['ApiUrl']}\n\n"
        f"Its API key: `python deploy.py --env {environment} --like dev --api-key`. It is destroyed with its data when "
        "the pull request is closed, the label `preview` is removed, or 3 days after the last push."
    )


def run_url() -> str:
    return "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format_map(os.environ)


def cut(text: str) -> str:
    """Cut between two lines what GitHub would refuse; close an open code block."""
    if len(text) <= LIMIT:
        return text
    more = f"\n\n… the rest is in [the run]({run_url()})."
    kept = text[: LIMIT - len(more) - len("\n```")].rpartition("\n")[0]
    return kept + "\n```" * (kept.count("\n```") % 2) + more


def request(method: str, path: str, document: dict | None = None) -> list | dict:
    call = urllib.request.Request(
        f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/issues/{path}",
        method=method,
        data=None if document is None else json.dumps(document).encode(),
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    with urllib.request.urlopen(call, timeout=30) as answer:
        return json.load(answer)


def comments(number: str) -> Iterator[dict]:
    page = 1
    while True:
        found = request("GET", f"{number}/comments?per_page={PAGE}&page={page}")
        yield from found
        if len(found) < PAGE:
            return
        page += 1


def upsert(number: str, marker: str, text: str) -> str:
    """Return "updated" or "created". A person's comment that quotes the marker is not touched."""
    body = {"body": cut(f"{marker}\n{text}")}
    for each in comments(number):
        if each["user"]["type"] == "Bot" and each["body"].startswith(marker):
            request("PATCH", f"comments/{each['id']}", body)
            return "updated"
    request("POST", f"{number}/comments", body)
    return "created"


def main(kind: str, environment: str, file: str = "") -> str:
    path = Path(file)
    content = path.read_text(encoding="utf-8").strip() if file and path.is_file() else ""
    about = "plan" if kind == "plan" else "preview"
    marker, text = f"<!-- deploy.yml: {about} {environment} -->", text_of(kind, environment, content)
    attempts = ATTEMPTS
    while True:  # from the list on: a call whose answer was lost may have written the comment
        try:
            return upsert(os.environ["PULL_REQUEST"], marker, text)
        except (OSError, HTTPException, ValueError) as error:
            attempts -= 1
            if not attempts or (isinstance(error, HTTPError) and error.code < 500 and error.code != 429):
                sys.exit(f"comment.py: the comment was not written: {error}")
            time.sleep(SECONDS)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
