// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

/// The routes of every outbound listener.
///
/// A name without a port means port 80 for `http` and port 443 for `https`. Virtual hosts have domains with a port and,
/// for the port that `http` means, names without one. What asks for `https` must not take the latter: they lead to the
/// port where the service speaks plaintext.
///
/// A class, so that a request borrows the tables: as a value in a snapshot that may go away they would be copied, part by
/// part.
@usableFromInline
final class OutboundRoutes: Sendable {
    /// By the authority as it is written.
    @usableFromInline let byAuthority: RouteTable<RouteRuntime>
    /// The virtual hosts of port 443 by their names without it, for `https` requests that name no port.
    ///
    /// A table of its own, so that no such request needs an authority made for it, and conditions on `:authority` see
    /// what the caller wrote.
    @usableFromInline let byNameOfPort443: RouteTable<RouteRuntime>
    /// The same of listeners whose tables read authorities and paths in another way than the default.
    @usableFromInline let others: [OutboundRoutes]

    /// Whether a route takes a share of its requests only, so that the tables are to be asked with a random number.
    @usableFromInline let needsRandom: Bool
    /// Header fields that callers who are not trusted may not send, because one of the tables says so: which table a request
    /// belongs to is known only after they are gone.
    let internalOnlyHeaders: [HeaderName]

    /// No routes.
    static let empty = OutboundRoutes(
        byAuthority: .empty,
        byNameOfPort443: .empty,
        others: [],
        needsRandom: false,
        internalOnlyHeaders: []
    )

    private init(
        byAuthority: RouteTable<RouteRuntime>,
        byNameOfPort443: RouteTable<RouteRuntime>,
        others: [OutboundRoutes],
        needsRandom: Bool,
        internalOnlyHeaders: [HeaderName]
    ) {
        self.byAuthority = byAuthority
        self.byNameOfPort443 = byNameOfPort443
        self.others = others
        self.needsRandom = needsRandom
        self.internalOnlyHeaders = internalOnlyHeaders
    }

    /// The same with other routes at the same places.
    convenience init(
        _ other: OutboundRoutes,
        byAuthority: RouteTable<RouteRuntime>,
        byNameOfPort443: RouteTable<RouteRuntime>,
        others: [OutboundRoutes]
    ) {
        self.init(
            byAuthority: byAuthority,
            byNameOfPort443: byNameOfPort443,
            others: others,
            needsRandom: other.needsRandom,
            internalOnlyHeaders: other.internalOnlyHeaders
        )
    }

    /// Decides a request; the first route that matches wins.
    @inlinable
    func decide(
        _ request: some RequestHead,
        _ facts: @autoclosure () -> RoutingFacts
    ) -> RouteTable<RouteRuntime>.Decision {
        if !others.isEmpty, let other = other(serving: request) { return other.decide(request, facts()) }
        return meansPort443(request)
            ? byNameOfPort443.decide(request, facts: facts()) : byAuthority.decide(request, facts: facts())
    }

    /// The tables of another kind that serve a request.
    @usableFromInline
    func other(serving request: some RequestHead) -> OutboundRoutes? {
        let authority = request.authority ?? ""
        return others.first { other in
            let tables = meansPort443(request) ? other.byNameOfPort443 : other.byAuthority
            return tables.serves(authority)
        }
    }

    /// Whether the port of a request is 443 without its saying so.
    @inlinable
    func meansPort443(_ request: some RequestHead) -> Bool {
        Endpoint.isSecure(request.scheme) && !Self.hasPort(request.authority ?? "")
    }

    @usableFromInline
    static func hasPort(_ authority: String) -> Bool {
        // The colons of an IPv6 address stand before its closing bracket.
        let last = authority.utf8.last(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "]") })
        return last == UInt8(ascii: ":")
    }
}

extension OutboundRoutes {
    /// Compiles the virtual hosts, by the options of the tables that they stand in.
    /// - Throws: `ConfigurationError` if two virtual hosts have the same domain.
    convenience init(
        _ hosts: [RouteTable<RouteRuntime>.Options: [RouteTable<RouteRuntime>.Host]],
        internalOnlyHeaders: Set<HeaderName> = []
    ) throws(ConfigurationError) {
        var others: [OutboundRoutes] = []
        for (options, hosts) in hosts where options != .init() {
            others.append(try OutboundRoutes(hosts, options: options, others: [], internalOnlyHeaders: []))
        }
        try self.init(
            hosts[.init()] ?? [],
            options: .init(),
            others: others,
            internalOnlyHeaders: internalOnlyHeaders.sorted { $0.lowercased < $1.lowercased }
        )
    }

    private convenience init(
        _ hosts: [RouteTable<RouteRuntime>.Host],
        options: RouteTable<RouteRuntime>.Options,
        others: [OutboundRoutes],
        internalOnlyHeaders: [HeaderName]
    ) throws(ConfigurationError) {
        var secure: [RouteTable<RouteRuntime>.Host] = []
        for var host in hosts {
            host.domains = host.domains.compactMap { $0.withoutPort443 }
            if !host.domains.isEmpty { secure.append(host) }
        }
        try self.init(
            byAuthority: RouteTable(hosts, options: options),
            byNameOfPort443: RouteTable(secure, options: options),
            others: others,
            needsRandom: hosts.contains { $0.routes.contains { $0.match.fraction != nil } }
                || others.contains { $0.needsRandom },
            internalOnlyHeaders: internalOnlyHeaders
        )
    }

    /// How a decision came about, for people.
    struct Trace {
        /// The virtual host; `nil` if none serves the request.
        let host: String?
        /// Why none does, if there would be one.
        var reason: String?
        /// The routes before the chosen one, each with the condition that failed.
        let passedOver: [(route: Int, mismatch: RouteMatch.Mismatch)]
        /// The route that was chosen.
        let chosen: (route: Int, value: RouteRuntime)?
    }

    /// Every route that was passed over, with the first condition that failed, and the one that was chosen.
    func trace(_ request: some RequestHead, facts: RoutingFacts = RoutingFacts(random: 0)) -> Trace {
        if let other = other(serving: request) { return other.trace(request, facts: facts) }
        let trace =
            meansPort443(request)
            ? byNameOfPort443.trace(request, facts: facts) : byAuthority.trace(request, facts: facts)
        var host = trace.host
        if let name = host, let route = trace.chosen?.value, !route.selections.isEmpty,
            route.selections.allSatisfy({ $0.passesThrough })
        {
            let cluster = route.selections[0].clusterName
            let reason = "none: \(name) leads to \(cluster), which is where the caller would send it"
            return Trace(host: nil, reason: reason, passedOver: trace.passedOver, chosen: nil)
        }
        if let name = host, let route = trace.chosen?.value, Endpoint.isSecure(request.scheme) {
            let refused = route.selections.filter { $0.isCleartext }.map { $0.clusterName }
            // The request goes past the mesh, like one to a host that it does not know.
            if !refused.isEmpty, refused.count == route.selections.count {
                return Trace(
                    host: nil,
                    reason: "none: \(name) leads to plaintext only, which https rules out",
                    passedOver: [],
                    chosen: nil
                )
            }
            if !refused.isEmpty {
                host =
                    "\(name) (https never goes to \(refused.joined(separator: ", ")), which is plaintext: "
                    + "what is drawn for it is treated as if the host were unknown)"
            }
        }
        return Trace(host: host, passedOver: trace.passedOver, chosen: trace.chosen)
    }
}

extension DomainPattern {
    /// The pattern of the names that mean this one to `https`; `nil` if it is about another port, or about none.
    fileprivate var withoutPort443: DomainPattern? {
        let port = ":443"
        switch self {
        case .exact(let name): return name.hasSuffix(port) ? .exact(String(name.dropLast(port.count))) : nil
        case .suffix(let suffix): return suffix.hasSuffix(port) ? .suffix(String(suffix.dropLast(port.count))) : nil
        // What they leave open holds every port.
        case .prefix, .any: return self
        }
    }
}
