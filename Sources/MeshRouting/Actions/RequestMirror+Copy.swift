// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension RequestMirror {
    /// Whether a request is in the share that is copied.
    public func copies(_ facts: RoutingFacts) -> Bool { fraction.contains(facts) }

    /// The copy of a request.
    /// - Parameter request: The request as it is sent on, after everything that the route changes in it.
    public func copy<Request: RequestHead>(of request: Request) -> Request {
        var copy = request
        if !host.isEmpty {
            copy.authority = host
        } else if appendsShadowSuffix, let authority = request.authority, !authority.isEmpty {
            copy.authority = Self.shadow(of: authority)
        }
        return copy
    }

    /// The name of the copy's cluster; `nil` if the request should name it and does not.
    public func clusterName(for request: some RequestHead) -> String? {
        switch target {
        case .cluster(let name): name
        case .header(let header): ClusterSpecifier.clusterName(in: header, of: request)
        }
    }

    /// The authority with `-shadow` behind its host and before its port.
    private static func shadow(of authority: String) -> String {
        guard let colon = authority.utf8.lastIndex(of: UInt8(ascii: ":")) else { return authority + "-shadow" }
        // A colon within brackets belongs to an IPv6 address.
        let port = authority[authority.utf8.index(after: colon)...]
        guard !port.isEmpty, port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return authority + "-shadow"
        }
        return "\(authority[..<colon])-shadow\(authority[colon...])"
    }
}
