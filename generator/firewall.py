"""The web ACL of AWS WAF in front of the API, if the environment has one."""

from troposphere import AWSObject, Equals, GetAtt, Not, Ref, Sub, wafv2
from troposphere.apigateway import RestApi, Stage

from config import names

HAS_FIREWALL = "HasFirewall"
NAME = names.root_stack("${Environment}")

# Managed rule group -> its rules that only count.
GROUPS: dict[str, tuple[str, ...]] = {
    # SizeRestrictions_BODY refuses bodies above 8 KB (AWS WAF developer guide, "Baseline rule groups"), and an
    # order may take 256 KB. API Gateway and the functions check size and schema of bodies.
    # NoUserAgent_HEADER refuses requests without a User-Agent, which partners' programs often do not send.
    "AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY", "NoUserAgent_HEADER"),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
}
# Headers that WAF replaces in samples and logs (DataProtectionConfig): they are credentials.
SECRET_HEADERS = ("x-api-key", "authorization", "cookie")
RATE_LIMIT = "RateLimit"
WINDOW_SECONDS = 300


def conditions() -> dict:
    return {HAS_FIREWALL: Not(Equals(Ref("WafRateLimit"), "0"))}


def firewall(api: RestApi, live: Stage) -> list[AWSObject]:
    acl = wafv2.WebACL(
        "WebAcl",
        Condition=HAS_FIREWALL,
        # The name is a dimension of its metrics.
        Name=Sub(NAME),
        Description="Before the order API: known attacks, and too many requests from one address",
        Scope="REGIONAL",
        DefaultAction=wafv2.DefaultAction(Allow=wafv2.AllowAction()),
        Rules=[_rate_limit(), *(_managed(priority, group) for priority, group in enumerate(GROUPS, 1))],
        VisibilityConfig=_visible(Sub(NAME)),
        DataProtectionConfig=wafv2.DataProtectionConfig(
            # The part of a body that a rule matches is personal data.
            DataProtections=[_hidden("SINGLE_HEADER", FieldKeys=list(SECRET_HEADERS)), _hidden("BODY")]
        ),
    )
    stage_arn = (
        f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}::/restapis/${{{api.title}}}/stages/${{{live.title}}}"
    )
    association = wafv2.WebACLAssociation(
        "WebAclAssociation",
        Condition=HAS_FIREWALL,
        ResourceArn=Sub(stage_arn),
        WebACLArn=GetAtt(acl, "Arn"),
    )
    return [acl, association]


def _rate_limit() -> wafv2.WebACLRule:
    """Return the first rule: it blocks an address above its limit before the other rules inspect the request."""
    return wafv2.WebACLRule(
        Name=RATE_LIMIT,
        Priority=0,
        Action=wafv2.RuleAction(Block=wafv2.BlockAction()),
        Statement=wafv2.Statement(
            RateBasedStatement=wafv2.RateBasedStatement(
                AggregateKeyType="IP", EvaluationWindowSec=WINDOW_SECONDS, Limit=Ref("WafRateLimit")
            )
        ),
        VisibilityConfig=_visible(RATE_LIMIT),
    )


def _managed(priority: int, group: str) -> wafv2.WebACLRule:
    counting = [
        wafv2.RuleActionOverride(Name=rule, ActionToUse=wafv2.RuleAction(Count=wafv2.CountAction()))
        for rule in GROUPS[group]
    ]
    overrides = {"RuleActionOverrides": counting} if counting else {}
    return wafv2.WebACLRule(
        Name=group,
        Priority=priority,
        OverrideAction=wafv2.OverrideAction(**{"None": {}}),
        Statement=wafv2.Statement(
            ManagedRuleGroupStatement=wafv2.ManagedRuleGroupStatement(VendorName="AWS", Name=group, **overrides)
        ),
        VisibilityConfig=_visible(group),
    )


def _hidden(kind: str, **keys) -> wafv2.DataProtect:
    return wafv2.DataProtect(Action="SUBSTITUTION", Field=wafv2.FieldToProtect(FieldType=kind, **keys))


def _visible(name) -> wafv2.VisibilityConfig:
    """Return metrics and samples of the last three hours, which show why a request was blocked."""
    return wafv2.VisibilityConfig(MetricName=name, CloudWatchMetricsEnabled=True, SampledRequestsEnabled=True)
