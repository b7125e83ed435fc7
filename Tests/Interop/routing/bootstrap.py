# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Envoy's static configuration for a file of tables: a listener for each table, on ports that the system chooses."""

import request

TYPE = "type.googleapis.com/envoy.extensions."
LOG = {
    "case": "%REQ(x-case)%",
    "route": "%ROUTE_NAME%",
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "flags": "%RESPONSE_FLAGS%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "virtual_cluster": "%VIRTUAL_CLUSTER_NAME%",
}


def typed(name, **fields):
    return {"@type": TYPE + name, **fields}


def address(port, host="127.0.0.1"):
    return {"socket_address": {"address": host, "port_value": port}}


def facts_filter():
    """Notes what a request says in `x-fact-*` as metadata, takes those fields off, and has the route chosen again."""
    lines = []
    for key, kind in request.METADATA_KEYS.items():
        value = "tonumber(value)" if kind == "NUMBER" else "value"
        lines.append(f"""
          value = handle:headers():get("x-fact-{key}")
          if value then
            handle:streamInfo():dynamicMetadata():set("{request.METADATA_NAMESPACE}", "{key}", {value})
            handle:headers():remove("x-fact-{key}")
          end""")
    source = "function envoy_on_request(handle)\n local value" + "".join(lines) + "\nend"
    config = typed("filters.http.lua.v3.Lua", default_source_code={"inline_string": source})
    return {"name": "facts", "typed_config": config}


def listener(number, table, log):
    router = {"name": "router", "typed_config": typed("filters.http.router.v3.Router")}
    access = typed(
        "access_loggers.file.v3.FileAccessLog",
        path=str(log),
        log_format={"json_format": LOG, "omit_empty_values": True},
    )
    # Loopback is inside for a listener that trusts its callers, and outside for the others.
    inside = "127.0.0.0" if table["trusts"] else "10.255.255.0"
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="t",
        route_config=table["routes"],
        http_filters=[facts_filter(), *table["filters"], router],
        access_log=[{"name": "file", "typed_config": access}],
        generate_request_id=False,
        use_remote_address=True,
        internal_address_config={"cidr_ranges": [{"address_prefix": inside, "prefix_len": 24}]},
        max_request_headers_kb=96,
        stream_idle_timeout="60s",
    )
    return {
        "name": f"table-{number}",
        "address": address(0),
        "enable_reuse_port": False,
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def cluster(name, shape, ports, refusing):
    endpoints = []
    for port in [refusing] if shape.get("refuses") else ports.get(name, []):
        endpoint = {"address": address(port)}
        if "hostname" in shape:
            endpoint["hostname"] = shape["hostname"]
        endpoints.append({"endpoint": endpoint})
    groups = [{"lb_endpoints": endpoints}] if endpoints else []
    if shape.get("levels"):
        groups = [{"priority": level, "lb_endpoints": [endpoint]} for level, endpoint in enumerate(endpoints)]
    # Far above what a run needs: the limits of a cluster are not what is asked here.
    limits = {"max_connections": 100_000, "max_pending_requests": 100_000, "max_retries": 100_000}
    high = {"priority": "HIGH", **limits, "max_requests": 100_000}
    normal = {"priority": "DEFAULT", **limits, "max_requests": shape.get("limit", 100_000)}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "lb_policy": shape.get("policy", "ROUND_ROBIN"),
        "circuit_breakers": {"thresholds": [normal, high]},
        "load_assignment": {"cluster_name": name, "endpoints": groups},
    }


def nested(flat):
    """Runtime keys with dots as Envoy's layers want them: a structure of structures."""
    root = {}
    for key, value in flat.items():
        *path, last = key.split(".")
        place = root
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return root


def bootstrap(tables, ports, refusing, log):
    """The whole configuration."""
    layers = [{"name": "static", "static_layer": nested(tables["runtime"])}, {"name": "admin", "admin_layer": {}}]
    return {
        "admin": {"address": address(0)},
        "layered_runtime": {"layers": layers},
        "static_resources": {
            "listeners": [listener(number, table, log) for number, table in enumerate(tables["tables"])],
            "clusters": [cluster(name, shape, ports, refusing) for name, shape in tables["clusters"].items()],
        },
    }
