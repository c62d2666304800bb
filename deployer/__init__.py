"""The deployment engine: nested CloudFormation from this checkout to an account, or to the emulator.

`pipeline.run` tells the story in its own order:

    load and check the environment -> render -> lint -> package         (this machine only)
    -> preflight -> unchanged? then stop                                 (reads the account)
    -> bucket, upload what is missing -> one change set -> plan -> guard (writes, changes no stack)
    -> ask -> feature flags -> execute, watch -> verify -> outputs       (changes the stack)

Deciding is apart from doing. `plan`, `guard`, `diagnosis`, `resolve`, `stack_status` and
`templates` are pure: values in, values out, no AWS. `snapshot`, `changeset`, `artifacts`,
`flags`, `preflight` and `execution` talk to AWS and return values. Only `pipeline` knows both
and the person in front of the screen (`ui`).
"""
