// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import ServiceMesh

extension RoutePreviewIndex.Finding {
    /// The finding for programs.
    func json(of request: PreviewedRequest, warnings: [String]) -> JSONValue {
        .object([
            "request": .object([
                "method": .text(request.method),
                "scheme": JSONValue(request.scheme),
                "authority": JSONValue(request.authority),
                "path": .text(request.path),
                "headers": request.headers.json,
            ]),
            "listener": JSONValue(listener),
            "preview": preview?.json ?? .null,
            "cluster": clusterJSON,
            "warnings": .list(warnings.map(JSONValue.text)),
        ])
    }

    private var clusterJSON: JSONValue {
        guard let cluster else { return .null }
        return .object([
            "name": .text(cluster.name),
            "endpoints": endpoints.map(JSONValue.integer) ?? .null,
        ])
    }
}

extension RoutePreview {
    /// The preview for programs.
    var json: JSONValue {
        .object([
            "route_configuration": .text(table),
            "virtual_host": JSONValue(virtualHost),
            "domain": JSONValue(domain),
            "passed_over": .list(passedOver.map(\.json)),
            "route": route?.json ?? .null,
            "virtual_cluster": JSONValue(virtualCluster),
            "outcome": outcome.json,
            "request": .object([
                "method": .text(request.method),
                "authority": JSONValue(request.authority),
                "path": .text(request.path),
                "headers": request.headers.json,
            ]),
            "response": .object(["status": .integer(response.statusCode), "headers": response.headers.json]),
        ])
    }
}

extension RoutePreview.PassedOver {
    fileprivate var json: JSONValue {
        .object(["number": .integer(route.number), "name": .text(route.name), "reason": .text(reason)])
    }
}

extension RoutePreview.Place {
    fileprivate var json: JSONValue {
        .object(["number": .integer(number), "name": .text(name)])
    }
}

extension RoutePreview.Outcome {
    fileprivate var json: JSONValue {
        switch self {
        case .noVirtualHost: .object(["kind": .text("no_virtual_host")])
        case .noRoute: .object(["kind": .text("no_route")])
        case .nonForwarding: .object(["kind": .text("non_forwarding")])
        case .redirect(let location, let status):
            .object(["kind": .text("redirect"), "status": .integer(status), "location": .text(location)])
        case .directResponse(let status, let body):
            .object(["kind": .text("direct_response"), "status": .integer(status), "body": .text(body)])
        case .forward(let forwarding): forwarding.json
        }
    }
}

extension RoutePreview.Forwarding {
    fileprivate var json: JSONValue {
        .object([
            "kind": .text("forward"),
            "cluster": JSONValue(cluster),
            "share": share.map(JSONValue.integer),
            "chance": chance.map(JSONValue.text),
            "timeout": Self.json(timeout) { JSONValue($0?.text) },
            "per_try_timeout": Self.json(perTryTimeout) { JSONValue($0?.text) },
            "attempts": Self.json(attempts, JSONValue.integer),
            "retry_on": Self.json(retryConditions, JSONValue.text),
            "hash": JSONValue(hash.map { String($0) }),
            "hash_policies": .list(hashSources.map(JSONValue.text)),
            "mirrors": Self.json(mirrors) { JSONValue.list($0.map(JSONValue.text)) },
            "takes_endpoint_name": .boolean(takesEndpointName),
        ])
    }

    private static func json<Value: Hashable & Sendable>(
        _ effective: RoutePreview.Effective<Value>,
        _ value: (Value) -> JSONValue
    ) -> JSONValue {
        .object(["value": value(effective.value), "origin": .text("\(effective.origin)")])
    }
}

extension PreviewedFields {
    fileprivate var json: JSONValue {
        .list(fields.map { JSONValue.object(["name": .text($0.name.lowercased), "value": .text($0.value)]) })
    }
}
