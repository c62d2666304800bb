"""The deployment engine: nested CloudFormation from this checkout to an account, or to the emulator.

`commands.deploy` tells the story in its own order:

    load and check the environment -> render -> lint -> package         (this machine only)
    -> preflight -> unchanged? then stop                                 (reads the account)
    -> bucket, upload what is missing -> one change set -> plan -> guard (writes, changes no stack)
    -> ask -> feature flags -> execute, watch -> verify -> outputs       (changes the stack)

One package per concern:

    build      this checkout as templates and packages, and their bucket
    plan       what will change, and what that risks: pure, values in, values out, no AWS
    preflight  what could stand in the way, asked before anything is changed
    stacks     CloudFormation: read, change, follow, find the cause of a failure
    queues     the queues of a deployed environment; dead letters
    aws        sessions, where a run talks to, what AWS's errors mean
    show       what a person sees
    commands   one module per command: only these know both AWS and the person in front of the screen
"""
