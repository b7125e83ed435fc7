// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension TrafficRule {
    /// A rule that this one delegates to, as it is for this one's requests: what it leaves out is said here.
    /// - Returns: `nil` if its conditions do not lie within these.
    func delegating(to delegate: TrafficRule, reply: LocalReply?) -> TrafficRule? {
        guard let conditions = conditions.delegating(to: delegate.conditions) else { return nil }
        var merged = delegate
        merged.conditions = conditions
        merged.givenName = Self.joined(givenName, delegate.givenName)
        merged.timeout = delegate.timeout ?? timeout
        merged.retry = delegate.retry ?? retry
        merged.fault = delegate.fault ?? fault
        merged.rewrite = delegate.rewrite ?? rewrite
        merged.headers = delegate.headers ?? headers
        merged.cors = delegate.cors ?? cors
        merged.mirroring.destination = delegate.mirroring.destination ?? mirroring.destination
        merged.mirroring.percentage = delegate.mirroring.percentage ?? mirroring.percentage
        merged.mirroring.percent = delegate.mirroring.percent ?? mirroring.percent
        merged.mirroring.further = delegate.mirroring.further ?? mirroring.further
        // An answer comes before the destinations, wherever it was said (Istio merges it like everything else).
        if let reply, case .forward = delegate.action { merged.action = .reply(reply) }
        return merged
    }

    fileprivate static func joined(_ root: String?, _ delegate: String?) -> String? {
        guard let root, let delegate else { return delegate ?? root }
        return "\(root)-\(delegate)"
    }
}

extension [RequestCondition] {
    /// The conditions of a delegate within these; `nil` if one of them lies in none of these.
    fileprivate func delegating(to delegate: [RequestCondition]) -> [RequestCondition]? {
        guard !isEmpty else { return delegate }
        guard !delegate.isEmpty else { return self }
        var merged: [RequestCondition] = []
        for own in delegate {
            let found = filter { $0.contains(own) }
            guard !found.isEmpty else { return nil }
            merged += found.map { $0.delegating(to: own) }
        }
        return merged
    }
}

extension RequestCondition {
    /// A delegate's condition with what this one says beyond it.
    fileprivate func delegating(to delegate: RequestCondition) -> RequestCondition {
        var merged = delegate
        merged.name = TrafficRule.joined(name, delegate.name)
        merged.uri = delegate.uri ?? uri
        merged.method = delegate.method ?? method
        merged.authority = delegate.authority ?? authority
        merged.scheme = delegate.scheme ?? scheme
        merged.headers.merge(headers) { own, _ in own }
        merged.withoutHeaders.merge(withoutHeaders) { own, _ in own }
        merged.queryParameters.merge(queryParameters) { own, _ in own }
        merged.source.labels.merge(source.labels) { own, _ in own }
        merged.source.namespace = delegate.source.namespace ?? source.namespace
        merged.port = delegate.port ?? port
        if delegate.gateways.isEmpty { merged.gateways = gateways }
        return merged
    }

    /// Whether a delegate's condition lies within this one, as Istio judges it: both must compare in ways of which one is
    /// seen to hold the other.
    fileprivate func contains(_ delegate: RequestCondition) -> Bool {
        let pairs = [
            (uri, delegate.uri), (scheme, delegate.scheme), (method, delegate.method), (authority, delegate.authority),
        ]
        guard pairs.allSatisfy({ TextCondition.isWithin($0.1, $0.0) }) else { return false }
        guard delegate.headers.allSatisfy({ TextCondition.isWithin($0.value, headers[$0.key]) }),
            delegate.withoutHeaders.allSatisfy({ TextCondition.isWithin($0.value, withoutHeaders[$0.key]) }),
            delegate.queryParameters.allSatisfy({ TextCondition.isWithin($0.value, queryParameters[$0.key]) })
        else { return false }
        guard ignoresCaseOfURI == delegate.ignoresCaseOfURI else { return false }
        if let port, let other = delegate.port, port != other { return false }
        if let namespace = source.namespace, namespace != delegate.source.namespace { return false }
        guard delegate.source.labels.allSatisfy({ source.labels[$0.key] ?? $0.value == $0.value }) else { return false }
        return gateways.isEmpty || delegate.gateways.allSatisfy(gateways.contains)
    }
}

extension TextCondition {
    /// Whether what a delegate asks of a text is seen to hold only for what its root asks; where one of them asks for
    /// nothing there is nothing to compare. Regular expressions, and mere presence, are not compared.
    fileprivate static func isWithin(_ delegate: TextCondition?, _ root: TextCondition?) -> Bool {
        switch (root, delegate) {
        case (nil, _), (_, nil): true
        case (.exact(let root), .exact(let text)): !root.isEmpty && root == text
        case (.prefix(let root), .prefix(let text)), (.prefix(let root), .exact(let text)):
            !root.isEmpty && text.utf8.starts(with: root.utf8)
        default: false
        }
    }
}
