"""Judges requests by TrafficTargets of the Service Mesh Interface, slowly and by the letter of the specification.

Sources: https://github.com/servicemeshinterface/smi-spec, "Traffic Access Control" and "Traffic Specs" in their versions, and
docs/access-policy.md where those are silent.

Each line of standard input is {"manifests": [...], "asks": [...]}, with one Pod among the manifests; the line that answers it
has a letter for each of `asks`: a (let in) or d (refused).
"""

import json
import re
import sys

from request_paths import readings


def content(manifest):
    """What older versions have beside the metadata."""
    return manifest.get("spec", manifest)


def is_in(manifest, namespace):
    return manifest["metadata"]["namespace"] == namespace


def named(case, kind, namespace, name):
    for each in case["manifests"]:
        if each["kind"] == kind and is_in(each, namespace) and each["metadata"]["name"] == name:
            return each
    return None


def is_account(ref, home, principal):
    """Somebody without an identity has no account."""
    return principal.split("/")[1:] == ["ns", ref.get("namespace", home), "sa", ref["name"]]


def match_takes(match, ask, path):
    """All that it says. Patterns begin where the text does and need not end with it: said of paths, and kept to for headers."""
    if "pathRegex" in match and not re.match(match["pathRegex"], path):
        return False
    methods = match.get("methods", ["*"])
    if "*" not in methods and ask["method"] not in methods:
        return False
    headers = match.get("headers", [])
    for entry in headers if isinstance(headers, list) else [headers]:
        for name, pattern in entry.items():
            value = ask["headers"].get(name.lower())
            if value is None or not re.match(pattern, value):
                return False
    return True


def group_takes(case, home, rule, ask, path):
    """Those of its matches that the rule names; all of them where it names none."""
    group = named(case, "HTTPRouteGroup", home, rule["name"])
    if group is None:
        return False
    for match in content(group)["matches"]:
        if "matches" in rule and match["name"] not in rule["matches"]:
            continue
        if match_takes(match, ask, path):
            return True
    return False


def tcp_takes(case, home, rule, ask):
    """Any port, where it names none, as no version before the last does."""
    route = named(case, "TCPRoute", home, rule["name"])
    if route is None:
        return False
    ports = route.get("spec", {}).get("matches", {}).get("ports", [])
    return ports == [] or ask["port"] in ports


def target_takes(case, target, ask, path):
    home = target["metadata"]["namespace"]
    spec = content(target)
    rules = spec.get("rules", spec.get("specs"))
    of_requests = [r for r in rules if r["kind"] == "HTTPRouteGroup"]
    of_connections = [r for r in rules if r["kind"] == "TCPRoute"]
    if not rules:
        return False
    if not any(is_account(source, home, ask["principal"]) for source in spec["sources"]):
        return False
    if "port" in spec["destination"] and int(spec["destination"]["port"]) != ask["port"]:
        return False
    if of_connections and not any(tcp_takes(case, home, rule, ask) for rule in of_connections):
        return False
    if of_requests:
        # Where nobody sees requests, nobody can say that one is among those that it names.
        return not ask["octets"] and any(group_takes(case, home, rule, ask, path) for rule in of_requests)
    return True


def judge(case, ask):
    """Without a target for the pod's account it is open; one target refuses all that none lets in."""
    pod = next(m for m in case["manifests"] if m["kind"] == "Pod")
    home, account = pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"]
    targets = [
        m
        for m in case["manifests"]
        if m["kind"] == "TrafficTarget" and is_in(m, home) and content(m)["destination"]["name"] == account
    ]
    if not targets:
        return "a"
    paths = [target.split("?")[0] for target in readings(ask["path"])]
    # docs/access-policy.md: each way in which a path is read has to be let in.
    is_let_in = all(any(target_takes(case, target, ask, path) for target in targets) for path in paths)
    return "a" if is_let_in else "d"


for line in sys.stdin:
    case = json.loads(line)
    print("".join(judge(case, ask) for ask in case["asks"]), flush=True)
