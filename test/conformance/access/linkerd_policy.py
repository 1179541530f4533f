"""Judges requests by Linkerd's policies, slowly and by the letter of their reference pages.

Sources: https://linkerd.io/2/reference/authorization-policy/, for which route a request is of the Gateway API reference
("HTTPRouteRule", "HTTPRouteSpec", "GRPCRouteRule", "GRPCRouteSpec"), and docs/access-policy.md where those are silent.

Each line of standard input is {"manifests": [...], "asks": [...]}, with one Pod among the manifests; the line that answers it
has a letter for each of `asks`: a (let in), d (refused), n (of no route).
"""

import ipaddress
import json
import re
import sys
from urllib.parse import unquote_plus

from request_paths import readings

CLUSTER_NETWORKS = ["10.0.0.0/8"]
DEFAULT_POLICY = "all-unauthenticated"
POLICY_GROUP = "policy.linkerd.io"
GATEWAY_GROUP = "gateway.networking.k8s.io"


def inside(network, address):
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def annotation(manifest, name):
    return (manifest or {"metadata": {}})["metadata"].get("annotations", {}).get(name)


def age(manifest):
    """Older ones first, then by name."""
    meta = manifest["metadata"]
    return meta["creationTimestamp"], meta["namespace"], meta["name"]


def selects(selector, labels):
    """Kubernetes' LabelSelector."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for demand in selector.get("matchExpressions", []):
        key, operator, values = demand["key"], demand["operator"], demand.get("values")
        if operator == "In" and labels.get(key) not in values:
            return False
        if operator == "NotIn" and labels.get(key) in values:
            return False
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
    return True


class Mesh:
    def __init__(self, manifests):
        self.manifests = manifests
        self.pod = self.all("", "Pod")[0]
        self.home = self.pod["metadata"]["namespace"]
        self.ports = [p for c in self.pod["spec"]["containers"] for p in c["ports"]]

    def all(self, group, kind):
        """Of whatever version, the older ones first."""

        def is_of(manifest):
            found = manifest["apiVersion"].rpartition("/")[0]
            return (found, manifest["kind"]) == (group, kind)

        found = [m for m in self.manifests if is_of(m)]
        return sorted(found, key=age) if group else found

    def at_home(self, group, kind):
        return [m for m in self.all(group, kind) if m["metadata"]["namespace"] == self.home]

    def named(self, kind, namespace, name):
        for each in self.all(POLICY_GROUP, kind):
            if (each["metadata"]["namespace"], each["metadata"]["name"]) == (namespace, name):
                return each
        return None

    def setting(self, name):
        """An annotation of the pod, else of its namespace."""
        own = annotation(self.pod, name)
        if own is not None:
            return own
        for namespace in self.all("", "Namespace"):
            if namespace["metadata"]["name"] == self.home:
                return annotation(namespace, name)
        return None

    def server_of(self, port):
        """The oldest Server that selects the pod and this port of it."""
        for server in self.at_home(POLICY_GROUP, "Server"):
            spec = server["spec"]
            if "podSelector" not in spec or not selects(spec["podSelector"], self.pod["metadata"]["labels"]):
                continue
            if isinstance(spec["port"], int):
                wanted = {spec["port"]}
            else:
                wanted = {p["containerPort"] for p in self.ports if p["name"] == spec["port"]}
            if port in wanted:
                return server
        return None

    def demands_identity(self, port):
        """docs/access-policy.md: a list of ports, of ranges of them, and of their names."""
        entries = self.setting("config.linkerd.io/proxy-require-identity-inbound-ports")
        for entry in entries.split(",") if entries else []:
            if re.fullmatch("[0-9]+(-[0-9]+)?", entry):
                first, _, last = entry.partition("-")
                if int(first) <= port <= int(last or first):
                    return True
            elif any(p["name"] == entry and p["containerPort"] == port for p in self.ports):
                return True
        return False


class Asker:
    def __init__(self, ask):
        self.ask = ask
        self.address = ask["address"]
        self.is_meshed = ask["principal"] != ""
        _, _, self.namespace, _, self.account = ask["principal"].split("/") if self.is_meshed else [""] * 5

    def is_account(self, ref, home):
        return self.is_meshed and (ref.get("namespace", home), ref["name"]) == (self.namespace, self.account)

    def is_of(self, ref, home):
        """An identityRef: of a Namespace, or of one of its service accounts."""
        if ref["kind"] == "Namespace":
            return self.is_meshed and ref.get("name", home) == self.namespace
        return self.is_account(ref, home)

    def has_identity(self, identity):
        """As the mesh calls it, or as Linkerd would: identities that were written for it mean the same workloads."""
        if not self.is_meshed:
            return False
        for control in ("weft", "linkerd"):
            name = f"{self.account}.{self.namespace}.serviceaccount.identity.{control}.cluster.local"
            if identity == "*" or identity == name or (identity[:2] == "*." and name.endswith(identity[1:])):
                return True
        return False

    def is_in(self, networks):
        """In one of them, without what is excepted of it."""
        return any(
            inside(each["cidr"], self.address)
            and not any(inside(excepted, self.address) for excepted in each.get("except", []))
            for each in networks
        )

    def is_let_in_by(self, policy):
        """A default policy."""
        is_near = any(inside(network, self.address) for network in CLUSTER_NETWORKS)
        return {
            "all-unauthenticated": True,
            "all-authenticated": self.is_meshed,
            "cluster-unauthenticated": is_near,
            "cluster-authenticated": self.is_meshed and is_near,
            "audit": True,
            "deny": False,
        }[policy]


def satisfies(mesh, asker, policy):
    """All that an AuthorizationPolicy requires; one reference that leads nowhere is satisfied by nobody."""
    home = policy["metadata"]["namespace"]
    for ref in policy["spec"]["requiredAuthenticationRefs"]:
        if ref["kind"] == "ServiceAccount":
            if not asker.is_account(ref, home):
                return False
            continue
        required = mesh.named(ref["kind"], ref.get("namespace", home), ref["name"])
        if required is None:
            return False
        if ref["kind"] == "NetworkAuthentication":
            if not asker.is_in(required["spec"]["networks"]):
                return False
            continue
        there = required["metadata"]["namespace"]
        by_name = any(asker.has_identity(i) for i in required["spec"].get("identities", []))
        by_reference = any(asker.is_of(r, there) for r in required["spec"].get("identityRefs", []))
        if not by_name and not by_reference:
            return False
    return True


def is_authorized(mesh, asker, group, kind, name):
    """By an AuthorizationPolicy of the pod's namespace for this target; several add up."""
    for policy in mesh.at_home(POLICY_GROUP, "AuthorizationPolicy"):
        target = policy["spec"]["targetRef"]
        found = ("" if target.get("group") == "core" else target.get("group", "")), target["kind"], target["name"]
        if found == (group, kind, name) and satisfies(mesh, asker, policy):
            return True
    return False


def is_authorized_of_old(mesh, asker, server):
    """By a ServerAuthorization. Without networks it is for clients wherever they are."""
    for authorization in mesh.at_home(POLICY_GROUP, "ServerAuthorization"):
        home = authorization["metadata"]["namespace"]
        whose, client = authorization["spec"]["server"], authorization["spec"]["client"]
        if "name" in whose and whose["name"] != server["metadata"]["name"]:
            continue
        if "selector" in whose and not selects(whose["selector"], server["metadata"]["labels"]):
            continue
        if "networks" in client and not asker.is_in(client["networks"]):
            continue
        tls = client.get("meshTLS", {})
        if client.get("unauthenticated"):
            return True
        # There is no TLS between proxies without an identity here.
        if tls.get("unauthenticatedTLS") and asker.is_meshed:
            return True
        if any(asker.has_identity(i) for i in tls.get("identities", [])):
            return True
        if any(asker.is_account(a, home) for a in tls.get("serviceAccounts", [])):
            return True
    return False


def host_rank(route, authority):
    """How precisely a route names the host of a request, None: it does not. Of several names the most precise counts."""
    host = re.sub(r":\d+$", "", authority.lower()).rstrip(".")
    names = route["spec"].get("hostnames", [])
    if not names:
        return (0, 0)
    ranks = []
    for name in names:
        if name == host:
            ranks.append((len(name), len(name)))
        if name[:2] == "*." and host.endswith(name[1:]):
            ranks.append((0, len(name)))
    return max(ranks) if ranks else None


def value_matches(wanted, value):
    if value is None:
        return False
    if wanted.get("type", "Exact") == "RegularExpression":
        return re.fullmatch(wanted["value"], value) is not None
    return wanted["value"] == value


def headers_match(match, ask):
    return all(value_matches(wanted, ask["headers"].get(wanted["name"].lower())) for wanted in match.get("headers", []))


def query_matches(match, query):
    given = {}
    for each in query.split("&"):
        name, _, value = each.partition("=")
        given.setdefault(unquote_plus(name), unquote_plus(value))
    return all(value_matches(wanted, given.get(wanted["name"])) for wanted in match.get("queryParams", []))


def path_rank(match, path):
    """An exact path comes before a prefix, and a longer prefix before a shorter one. Patterns come between: that is open."""
    wanted = match.get("path", {})
    kind, value = wanted.get("type", "PathPrefix"), wanted.get("value", "/")
    if kind == "Exact":
        return (3, 0) if path == value else None
    if kind == "RegularExpression":
        return (2, 0) if re.fullmatch(value, path) else None
    segments = [s for s in value.split("/")[1:] if s != ""]
    return (1, len(value)) if path.split("/")[1:][: len(segments)] == segments else None


def http_rank(match, ask, target):
    path, _, query = target.partition("?")
    of_path = path_rank(match, path)
    if of_path is None or match.get("method", ask["method"]) != ask["method"]:
        return None
    if not headers_match(match, ask) or not query_matches(match, query):
        return None
    return (*of_path, "method" in match, len(match.get("headers", [])), len(match.get("queryParams", [])))


def grpc_rank(match, ask, target):
    _, service, method = target.partition("?")[0].split("/")
    wanted = match.get("method", {})
    if wanted.get("service", service) != service or wanted.get("method", method) != method:
        return None
    if not headers_match(match, ask):
        return None
    return len(wanted.get("service", "")), len(wanted.get("method", "")), len(match.get("headers", []))


def route_of(routes, ask, target):
    """The most specific one that takes the request; of several the oldest, then the first by name. None: none does."""
    best, best_rank = None, None
    for route in routes:
        of_host = host_rank(route, ask["host"])
        if of_host is None:
            continue
        for rule in route["spec"]["rules"]:
            for match in rule.get("matches", [{}]):
                is_grpc = route["kind"] == "GRPCRoute"
                rank = grpc_rank(match, ask, target) if is_grpc else http_rank(match, ask, target)
                if rank is not None and (best_rank is None or (of_host, rank) > best_rank):
                    best, best_rank = route, (of_host, rank)
    return best


def attached(mesh, server):
    name = server["metadata"]["name"]
    kinds = [(POLICY_GROUP, "HTTPRoute"), (GATEWAY_GROUP, "HTTPRoute"), (GATEWAY_GROUP, "GRPCRoute")]
    routes = [route for group, kind in kinds for route in mesh.at_home(group, kind)]
    of_server = [
        route
        for route in routes
        if any(p["kind"] == "Server" and p["name"] == name for p in route["spec"]["parentRefs"])
    ]
    return sorted(of_server, key=age)


def judge_port(mesh, asker, target):
    """Whom the port lets in. Of octets nobody knows the route: those that it has do not count."""
    ask = asker.ask
    server = mesh.server_of(ask["port"])
    if server is None:
        policy = mesh.setting("config.linkerd.io/default-inbound-policy") or DEFAULT_POLICY
        return "a" if asker.is_let_in_by(policy) else "d"
    routes = attached(mesh, server)
    route = None if ask["octets"] else route_of(routes, ask, target)
    if routes and route is None and not ask["octets"]:
        return "n"
    if asker.is_let_in_by(server["spec"].get("accessPolicy", "deny")):
        return "a"
    if is_authorized(mesh, asker, POLICY_GROUP, "Server", server["metadata"]["name"]):
        return "a"
    if is_authorized(mesh, asker, "", "Namespace", mesh.home):
        return "a"
    if is_authorized_of_old(mesh, asker, server):
        return "a"
    group = route["apiVersion"].split("/")[0] if route else ""
    if route and is_authorized(mesh, asker, group, route["kind"], route["metadata"]["name"]):
        return "a"
    return "d"


def judge_reading(mesh, asker, target):
    """The pod itself is let in, and has its identity (docs/access-policy.md). What the port says comes first."""
    if asker.ask["isLocal"]:
        return "a"
    said = judge_port(mesh, asker, target)
    if said == "a" and mesh.demands_identity(asker.ask["port"]) and not asker.is_meshed:
        return "d"
    return said


def judge(mesh, ask):
    """Each reading of the path has to be let in; the first that is not says how the request is refused."""
    said = [judge_reading(mesh, Asker(ask), target) for target in readings(ask["path"])]
    return next((letter for letter in said if letter != "a"), "a")


for line in sys.stdin:
    case = json.loads(line)
    mesh = Mesh(case["manifests"])
    print("".join(judge(mesh, ask) for ask in case["asks"]), flush=True)
