// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Whose rules decide what a route's conditions mean.
public enum RouteSemantics: Hashable, Sendable {
    /// Envoy's.
    case envoy
    /// Those of gRPC's own clients (gRFC A28): a route with conditions on query parameters takes no call; `grpc`,
    /// conditions on the certificate and the runtime's word on shares are left aside; `content-type` is always
    /// `application/grpc`; `:method`, `:scheme`, `:authority`, `host` and headers whose name ends with `-bin` count as
    /// absent; several values of a header are always joined. Conditions that gRPC does not know stay in force.
    case grpc
}

extension RouteMatch {
    /// The conditions that Envoy's rules need to decide as others would.
    /// - Returns: The conditions; and why no request meets them, if none can.
    func translated(from semantics: RouteSemantics) -> (match: RouteMatch, obstacle: String?) {
        guard semantics == .grpc else { return (self, nil) }
        var match = self
        var obstacle: String?
        match.headers = headers.compactMap { header in
            var header = header
            header.joinsValues = true
            guard let known = header.name.valueOfEveryCall else { return header }
            if !header.matches(value: known) {
                obstacle = obstacle ?? "header \(header.name): gRPC never matches this condition on it"
            }
            return nil
        }
        if !queryParameters.isEmpty { obstacle = "query parameters: gRPC leaves such a route out" }
        match.isGRPCOnly = false
        match.certificate = nil
        match.fraction?.key = ""
        return (match, obstacle)
    }
}

extension HeaderName {
    /// What gRPC compares for every call: `nil` if it asks the call, and a value that may be absent otherwise.
    fileprivate var valueOfEveryCall: String?? {
        switch lowercased {
        case "content-type": .some("application/grpc")
        case ":method", ":scheme", ":authority", "host": .some(nil)
        default: lowercased.hasSuffix("-bin") ? .some(nil) : .none
        }
    }
}
