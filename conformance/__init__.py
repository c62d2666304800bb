"""What the design assumes about AWS, as probes that run wherever the platform is deployed: `python -m conformance`.

A probe is one function with an id (its name), one sentence (its docstring) and the code that relies on it:

    probe.py        what a probe is, and how it ends: it holds, differs, or cannot be tried here
    account.py      the account or emulator that answers: clients, small stacks of a probe's own, waiting
    environment.py  the deployed platform: outputs, HTTP calls, marked orders
    probes/         the probes, one module for each area
    declared/       the readers of what each service says of the deployed resources
    moto_server.py  the probes on moto, a witness that this project does not patch
    run.py          run them, each within its time limit, and remove what they made
    results.py      results as JSON, and the table of docs/conformance.md with a column for each witness
"""
