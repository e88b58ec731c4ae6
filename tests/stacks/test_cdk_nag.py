"""cdk-nag's AwsSolutions rules: whatever they find must be a wildcard that test_permissions.py gives a reason for."""

import json
import re
from pathlib import Path

from tests.stacks.template_text import readable
from tests.stacks.test_permissions import WILDCARD_ACTIONS, WILDCARDS


def test_nothing_but_reasoned_wildcards(assembly: Path) -> None:
    (report,) = json.loads((assembly / "validation-report.json").read_text())["pluginReports"]
    rules = {violation["ruleName"] for violation in report["violations"]}
    assert rules, "cdk-nag did not run: it finds at least X-Ray's wildcard"
    resources = set()
    for rule in rules:
        if rule in {f"AwsSolutions-IAM5[Action::{action}]" for action in WILDCARD_ACTIONS}:
            continue
        found = re.fullmatch(r"AwsSolutions-IAM5\[Resource::(.+)\]", rule)
        assert found, rule
        resource = re.sub(r"[0-9A-F]{8}\.Arn>", ".Arn>", found[1])
        resources.add(re.sub(r'\{"Fn::Select":.*\}', lambda part: readable(json.loads(part[0])), resource))
    assert resources <= set(WILDCARDS)
