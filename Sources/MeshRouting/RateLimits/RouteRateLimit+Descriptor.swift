// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension RouteRateLimit {
    /// What a request is counted under; `nil` where an action has nothing to say.
    /// - Parameters:
    ///   - format: What a format comes to for this request.
    /// - Complexity: O(actions), and what their matchers cost.
    public func descriptor(
        for request: some RequestHead,
        facts: borrowing RateLimitFacts,
        format: (HeaderFormat) -> String
    ) -> RateLimitDescriptor? {
        var entries: [RateLimitDescriptor.Entry] = []
        entries.reserveCapacity(actions.count)
        for action in actions {
            switch action.outcome(for: request, facts: facts, format: format) {
            case .entry(let entry): entries.append(entry)
            case .skip: break
            case .none: return nil
            }
        }
        return completed(entries, facts: facts, format: format)
    }

    /// Adds to the entries what else the descriptor has.
    func completed(
        _ entries: [RateLimitDescriptor.Entry],
        facts: borrowing RateLimitFacts,
        format: (HeaderFormat) -> String
    ) -> RateLimitDescriptor? {
        var descriptor = RateLimitDescriptor(entries, refunds: refunds, headers: headers)
        switch hits {
        case nil: break
        case .number(let number): descriptor.hits = number
        case .format(let hits):
            guard let number = Double(format(hits)), number >= 0, number <= Self.mostHits else { return nil }
            descriptor.hits = UInt64(number)
        }
        switch limit {
        case nil: break
        case .fixed(let limit): descriptor.limit = limit
        case .metadata(let filter, let path):
            descriptor.limit = facts.routing.metadata[filter]?.value(at: path)?.rateLimit
        }
        return descriptor
    }

    /// Whether the runtime leaves the limit on for a request.
    public func isEnabled(_ facts: borrowing RoutingFacts) -> Bool {
        guard !disableKey.isEmpty, !facts.runtime.isEmpty else { return share.contains(facts.random) }
        return (facts.runtime[runtimeKey]?.share ?? share).contains(facts.random)
    }
}

extension RateLimitAction {
    /// What an action has to say of a request.
    enum Outcome {
        /// This entry.
        case entry(RateLimitDescriptor.Entry)
        /// Nothing, and the others count.
        case skip
        /// Nothing, and there is no descriptor.
        case none
    }

    func outcome(
        for request: some RequestHead,
        facts: borrowing RateLimitFacts,
        format: (HeaderFormat) -> String
    ) -> Outcome {
        switch self {
        case .header(let name, let key, let skipsIfAbsent):
            guard let value = request.firstValue(of: name) else { return skipsIfAbsent ? .skip : .none }
            return .entry(.init(key, value))
        case .queryParameter(let name, let key, let skipsIfAbsent):
            guard let value = QueryParameters(ofPath: request.path).firstValue(of: name) else {
                return skipsIfAbsent ? .skip : .none
            }
            return .entry(.init(key, value))
        case .headerMatch(let matchers, let expects, let value, let key):
            guard matchers.allSatisfy({ $0.matches(request) }) == expects else { return .none }
            return Self.entry(key, value, format)
        case .queryMatch(let matchers, let expects, let value, let key):
            guard QueryParameters(ofPath: request.path).match(matchers) == expects else { return .none }
            return Self.entry(key, value, format)
        default: return outcome(facts: facts, format: format)
        }
    }

    /// What the actions say that do not look at the request's head.
    func outcome(facts: borrowing RateLimitFacts, format: (HeaderFormat) -> String) -> Outcome {
        switch self {
        case .sourceCluster: return .entry(.init("source_cluster", facts.sourceCluster))
        case .destinationCluster:
            guard let cluster = facts.destinationCluster else { return .none }
            return .entry(.init("destination_cluster", cluster))
        case .remoteAddress:
            guard let address = facts.routing.sourceAddress.flatMap({ IPAddress($0) }) else { return .none }
            return .entry(.init("remote_address", address.description))
        case .maskedRemoteAddress(let version4, let version6):
            guard let address = facts.routing.sourceAddress.flatMap({ IPAddress($0) }) else { return .none }
            let range = AddressRange(address, length: address.isVersion6 ? version6 : version4)
            return .entry(.init("masked_remote_address", range.description))
        case .addressMatch(let addresses, let value, let key):
            guard let address = facts.routing.sourceAddress.flatMap({ IPAddress($0) }),
                addresses.ranges.contains(where: { $0.contains(address) }) != addresses.isInverted
            else { return .none }
            return Self.entry(key, value, format)
        case .text(let value, let key): return Self.entry(key, value, format)
        case .metadata(let lookup):
            let source = lookup.source == .request ? facts.routing.metadata : facts.routeMetadata
            var text = ""
            if case .text(let found)? = source[lookup.filter]?.value(at: lookup.path) { text = found }
            if text.isEmpty { text = lookup.fallback }
            guard text.isEmpty else { return .entry(.init(lookup.key, text)) }
            return lookup.skipsIfAbsent ? .skip : .none
        // They are about the head, and answered where its type is known.
        case .header, .queryParameter, .headerMatch, .queryMatch: return .none
        }
    }

    static func entry(_ key: String, _ value: Value, _ format: (HeaderFormat) -> String) -> Outcome {
        let text = format(value.format)
        if !text.isEmpty { return .entry(.init(key, text)) }
        return value.fallback.isEmpty ? .none : .entry(.init(key, value.fallback))
    }
}

extension MetadataValue {
    /// The value that keys lead to, one inside the other.
    func value(at path: [String]) -> MetadataValue? {
        var value = self
        for key in path {
            guard case .fields(let fields) = value, let next = fields[key] else { return nil }
            value = next
        }
        return value
    }

    /// A limit that is written as an object, in the words of Envoy's `RateLimitUnit`.
    fileprivate var rateLimit: RateLimitDescriptor.Limit? {
        guard case .fields(let fields) = self, case .number(let number)? = fields["requests_per_unit"],
            case .text(let name)? = fields["unit"],
            let unit = RateLimitUnit.allCases.first(where: { $0.rawValue.uppercased() == name }), number >= 0,
            number <= Double(UInt32.max)
        else { return nil }
        return RateLimitDescriptor.Limit(requestsPerUnit: UInt32(number), unit: unit)
    }
}
