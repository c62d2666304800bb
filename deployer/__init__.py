"""Deploy the platform: nested CloudFormation, from the local version to an account or to the emulator.

`commands.deploy` runs the stages in this order:

    load and check the environment -> render -> lint -> package         (this machine only)
    -> preflight -> unchanged? then stop                                 (reads the account)
    -> bucket, upload what is missing -> one change set -> plan -> guard (writes, changes no stack)
    -> ask -> feature flags -> execute, watch -> verify -> outputs       (changes the stack)

One package per concern; imports go down only (.importlinter holds them to it):

    cli, arguments, options   arguments in, exit code out
    commands                  one module per command: the only ones that know both AWS and the screen
    connection                which account, region or emulator a run talks to
    show                      results as terminal output, Markdown and JSON; calls no AWS
    preflight                 what could block the deployment, checked before anything is changed
    stacks                    CloudFormation: read, execute, follow, diagnose
    artifacts                 templates and packages, and the bucket that holds them
    plan                      the changes and their risks: pure, two trees in, a plan out
    aws                       sessions, retries, and what AWS's errors mean
"""
