"""Judges requests by AuthorizationPolicies of Istio, slowly and by the letter of their reference page.

Each line of standard input is {"root": [...], "pod": {...}, "policies": [...], "asks": [...]}; the line that answers it has
a letter for each of `asks`: a (let in) or d (refused).
"""

import ipaddress
import json
import re
import sys

from request_paths import readings

HTTP_FIELDS = {"hosts", "methods", "paths", "requestPrincipals"}


def text_matches(pattern, value):
    """Exact, prefix (abc*), suffix (*abc), or presence (*)."""
    if value is None or value == "":
        return False
    if pattern == "*":
        return True
    if pattern[0] == "*":
        return value[-len(pattern) + 1 :] == pattern[1:]
    if pattern[-1] == "*":
        return value[: len(pattern) - 1] == pattern[:-1]
    return value == pattern


def glob_matches(pattern, value):
    if not value:
        return False
    return re.fullmatch("[^/]*".join(re.escape(part) for part in pattern.split("*")), value) is not None


def inside(network, address):
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def path_matches(pattern, path):
    if "{*}" in pattern or "{**}" in pattern:
        wanted, got = pattern.split("/"), path.split("/")
        for at, part in enumerate(wanted):
            if part == "{**}":
                rest = "/".join(wanted[at + 1 :])
                left = "/".join(got[at:])
                if at >= len(got):
                    return False
                return rest == "" or left.endswith("/" + rest)
            if at >= len(got):
                return False
            if part == "{*}":
                if got[at] == "":
                    return False
            elif part != got[at]:
                return False
        return len(wanted) == len(got)
    if pattern == "*":
        return True
    return text_matches(pattern, path)


def host_matches(pattern, authority):
    """Without regard to case; with its port and final dot or without."""
    host = authority.lower()
    forms = {host}
    bare = re.sub(r":\d+$", "", host)
    forms.add(bare)
    forms.add(bare[:-1] if bare.endswith(".") else bare)
    return any(text_matches(pattern.lower(), form) for form in forms)


class Asker:
    def __init__(self, ask):
        self.ask = ask
        self.principal = ask["principal"]
        found = re.fullmatch(r"([^/]+)/ns/([^/]+)/sa/([^/]+)", self.principal)
        self.domain, self.namespace, self.account = found.groups() if found else ("", "", "")

    def has(self, key, value, policy_namespace, pod):
        ask = self.ask
        if key in ("principals", "source.principal"):
            return text_matches(value, self.principal)
        if key in ("namespaces", "source.namespace"):
            return glob_matches(value, self.namespace)
        if key in ("trustDomains", "source.trustDomain"):
            return text_matches(value, self.domain)
        if key in ("serviceAccounts", "source.serviceAccount"):
            namespace, account = value.split("/") if "/" in value else (policy_namespace, value)
            return (namespace, account) == (self.namespace, self.account)
        if key in ("ipBlocks", "source.ip"):
            return inside(value, ask["address"])
        if key in ("remoteIpBlocks", "remote.ip"):
            named = ask["headers"].get("x-forwarded-for") if not ask["octets"] else None
            return inside(value, named.split(",")[-1].strip() if named else ask["address"])
        if key in ("ports", "destination.port"):
            return int(value) == ask["port"]
        if key == "destination.ip":
            return inside(value, pod["ip"])
        if key == "connection.sni":
            return text_matches(value, ask["sni"])
        if key == "methods":
            return text_matches(value, ask["method"])
        if key == "paths":
            return path_matches(value, ask["path"].split("?")[0])
        if key == "hosts":
            return host_matches(value, ask["host"])
        if key.startswith("request.headers["):
            return text_matches(value, ask["headers"].get(key[16:-1].lower()))
        if key in ("requestPrincipals",) or key.startswith("request.auth."):
            return False
        raise KeyError(key)


def is_http(key):
    return key in HTTP_FIELDS or key.startswith("request.")


def demands_of(rule):
    """(key, values, notValues) in groups: alternatives of from, alternatives of to, conditions."""

    def entry(fields):
        names = {name[3].lower() + name[4:] if name.startswith("not") else name for name in fields}
        return [(n, fields.get(n), fields.get("not" + n[0].upper() + n[1:])) for n in sorted(names)]

    sources = [entry(each["source"]) for each in rule.get("from", [])]
    operations = [entry(each["operation"]) for each in rule.get("to", [])]
    conditions = [(w["key"], w.get("values"), w.get("notValues")) for w in rule.get("when", [])]
    return sources, operations, conditions


def rule_takes(rule, action, asker, namespace, pod):
    sources, operations, conditions = demands_of(rule)
    octets = asker.ask["octets"]
    everything = [d for group in sources + operations for d in group] + conditions
    if octets and action == "ALLOW" and any(is_http(key) for key, _, _ in everything):
        return False

    def holds(demand):
        key, values, not_values = demand
        if octets and is_http(key):
            return True
        if values is not None and not any(asker.has(key, v, namespace, pod) for v in values):
            return False
        return not (not_values is not None and any(asker.has(key, v, namespace, pod) for v in not_values))

    if sources and not any(all(holds(d) for d in source) for source in sources):
        return False
    if operations and not any(all(holds(d) for d in operation) for operation in operations):
        return False
    return all(holds(d) for d in conditions)


def selects(policy, pod, roots):
    if policy["namespace"] != pod["namespace"] and policy["namespace"] not in roots:
        return False
    wanted = policy["spec"].get("selector", {}).get("matchLabels", {})
    return all(pod["labels"].get(key) == value for key, value in wanted.items())


def judge_reading(case, ask):
    asker = Asker(ask)
    pod = case["pod"]
    policies = [p for p in case["policies"] if selects(p, pod, case["roots"]) and not p["dryRun"]]

    def taken(action):
        return any(
            rule_takes(rule, action, asker, p["namespace"], pod)
            for p in policies
            if p["spec"].get("action", "ALLOW") == action
            for rule in p["spec"].get("rules", [])
        )

    if taken("DENY"):
        return "d"
    if not any(p["spec"].get("action", "ALLOW") == "ALLOW" for p in policies):
        return "a"
    return "a" if taken("ALLOW") else "d"


def judge(case, ask):
    """docs/access-policy.md: each way in which a path is read has to be let in."""
    said = [judge_reading(case, {**ask, "path": path}) for path in readings(ask["path"])]
    return "d" if "d" in said else "a"


for line in sys.stdin:
    case = json.loads(line)
    print("".join(judge(case, ask) for ask in case["asks"]), flush=True)
