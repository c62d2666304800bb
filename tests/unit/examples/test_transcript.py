"""A document's commands are run in order, and their outputs replace the old ones."""

import os

import pytest

from examples import transcript

DOCUMENT = """\
# Title

```console
$ NAME=world; echo hello
old text
of two lines
$ echo "$NAME" >&2; false
```

```sh
$ echo not run
```

```console
$ printf 'a  \\n\\nb'
$ true
```
"""


def test_each_command_is_followed_by_what_it_printed_and_by_nothing_old(tmp_path):
    started = []
    printed = transcript.run(transcript.commands(DOCUMENT), tmp_path, dict(os.environ), started.append)
    assert transcript.with_outputs(DOCUMENT, printed) == (
        '# Title\n\n```console\n$ NAME=world; echo hello\nhello\n$ echo "$NAME" >&2; false\nworld\n```\n\n'
        "```sh\n$ echo not run\n```\n\n```console\n$ printf 'a  \\n\\nb'\na\n\nb\n$ true\n```\n"
    )
    assert started == transcript.commands(DOCUMENT)


def test_running_it_again_changes_nothing(tmp_path):
    def again(document):
        lines = transcript.commands(document)
        return transcript.with_outputs(document, transcript.run(lines, tmp_path, dict(os.environ), lambda line: None))

    once = again(DOCUMENT)
    assert again(once) == once


def test_outputs_of_another_document_are_refused():
    with pytest.raises(ValueError, match="1 outputs for 4 commands"):
        transcript.with_outputs(DOCUMENT, ["x"])
