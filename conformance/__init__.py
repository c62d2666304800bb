"""What the design assumes about AWS, as probes that run wherever the platform is deployed: `python -m conformance`.

A probe is one function with an id (its name), one sentence (its docstring) and the code that relies on it:

    probe           what a probe is, and how it ends: it holds, differs, or cannot be tried here
    probes/         the probes, one module for each area
    declared/       readers of what each service says of the deployed resources
    moto_server     the probes on moto, a witness that this project does not patch
    account         the account or emulator that answers: clients, small stacks of a probe's own, waiting
    environment     the deployed platform: outputs, HTTP calls, marked orders
    resources, small_stacks, small_api, measures   what the stacks of probes are made of
    limits, run     run probes within their time limits, several at once
    removal         remove what they made, and what an earlier run left
    witness, report   results of each witness, and the tables of docs/conformance.md
    estimate        what a run costs
    unproven        assumptions that no probe tries
"""
