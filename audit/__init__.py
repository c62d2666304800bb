"""`make audit`: the rendered templates, judged by rules that others wrote.

    stacks      templates -> values and ARNs in place of parameters and references
    policies    templates -> policy documents
    tools       checkov, parliament and cfn-guard -> findings
    findings    findings and reasons for accepting them -> what is left, as text

Every tool judges all resources, with production's values. It runs in .venv-audit, which has the tools and no generator.
A finding is accepted in the Metadata of its resource (generator/audit.py), and only as long as it occurs.
"""
