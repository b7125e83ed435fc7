// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshRouting

/// RouteRule of Istio's first routing API.
struct RouteRuleManifest: ManifestKind {
    static let kind = "RouteRule"
    static let apiVersions = ["config.istio.io/v1alpha2"]
    static let successor: String? = "VirtualService of networking.istio.io/v1"

    private let rule: RouteRule

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let rule = fields.requiredMapping("spec") { Self.rule(&$0, metadata) }
        guard let rule else { return nil }
        self.rule = rule
    }

    func contribute(to model: inout ManifestModel) {
        model.routeRules.append(rule)
    }

    private static func rule(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> RouteRule? {
        let position = fields.position
        let destination = fields.requiredMapping("destination") { fields -> FieldReader.LegacyService? in
            fields.refuse("labels", because: "a rule is about all requests to its service; put the labels into route")
            return fields.legacyService(metadata.namespace)
        }
        let precedence = fields.integer("precedence", in: Int(Int32.min)...Int(Int32.max))
        let problems = fields.context.errorCount
        let condition = fields.mapping("match") { Self.condition(&$0, metadata) }
        // A rule whose conditions cannot be read would match everything without them.
        let isConditionRead = fields.context.errorCount == problems
        let host = destination?.host
        let shares = host.flatMap { fields.legacyShares(destination: $0, namespace: metadata.namespace) }
        let isWeighted = fields.list("route").contains { $0["weight"] != nil }
        let timeout = fields.mapping("httpReqTimeout") { fields in
            fields.mapping("simpleTimeout") { fields -> Nanoseconds? in
                fields.ignore("overrideHeaderName")
                return fields.duration("timeout", allowsZero: true)?.value
            }
        }
        let retry = fields.mapping("httpReqRetries") { fields in
            fields.mapping("simpleRetry") { $0.legacyRetry() }
        }
        let fault = fields.mapping("httpFault") { $0.legacyFault() }
        fields.refuse("redirect", because: "the requests would be forwarded instead")
        fields.refuse("rewrite", because: "the requests would be forwarded under their old path or authority")
        fields.ignore("mirror", because: "nothing is mirrored")
        fields.ignore("corsPolicy", "appendHeaders", "l4Fault", "websocketUpgrade")
        guard let host, let shares, isConditionRead else { return nil }
        return RouteRule(
            metadata: metadata,
            destination: host,
            precedence: precedence?.value ?? 0,
            condition: condition,
            shares: shares,
            isWeighted: isWeighted,
            timeout: timeout == .zero ? nil : timeout,
            retry: retry,
            fault: fault,
            position: position
        )
    }

    private static func condition(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> RequestCondition? {
        var condition = RequestCondition()
        if let source = fields.mapping("source", { $0.legacySource(metadata.namespace) }) {
            condition.source = source
        }
        fields.refuse("tcp", "udp", because: "the rule would match requests that it must not match")
        _ = fields.mapping("request") { fields -> Bool in
            for entry in fields.pairs("headers") {
                guard let header = fields.headerName(entry) else { continue }
                let read = FieldReader.read(entry.value, named: entry.key, fields.context) {
                    $0.readTextCondition(of: entry.key)
                }
                guard let text = read, let text else { continue }
                // The first API had these among the headers.
                switch entry.key {
                case "uri": condition.uri = text
                case "method": condition.method = text
                case "authority": condition.authority = text
                case "scheme": condition.scheme = text
                default: condition.headers[header] = text
                }
            }
            return true
        }
        let isEmpty = condition.source.isEmpty && condition.routeMatch == RouteMatch()
        return isEmpty ? nil : condition
    }
}
