// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What makes one entry of a descriptor (`envoy.config.route.v3.RateLimit.Action`).
///
/// An action without an entry for a request either leaves its entry out or, mostly, makes that there is no descriptor.
public enum RateLimitAction: Hashable, Sendable {
    /// A text for an entry, and what stands in its place where it comes out empty (`descriptor_value`, `default_value`).
    public struct Value: Hashable, Sendable {
        /// The text, in which operators stand for facts of the request.
        public var format: HeaderFormat
        /// What stands in its place where it comes out empty; empty for nothing.
        public var fallback: String

        /// Creates a value.
        public init(_ format: HeaderFormat, fallback: String = "") {
            self.format = format
            self.fallback = fallback
        }
    }

    /// Which addresses an action is for (`envoy.type.matcher.v3.AddressMatcher`).
    public struct Addresses: Hashable, Sendable {
        /// The ranges; one must hold the address.
        public var ranges: [AddressRange]
        /// Whether the answer is turned round.
        public var isInverted: Bool

        /// Creates a set of addresses.
        public init(_ ranges: [AddressRange], isInverted: Bool = false) {
            self.ranges = ranges
            self.isInverted = isInverted
        }
    }

    /// Where metadata is looked up (`RateLimit.Action.MetaData`).
    public struct Metadata: Hashable, Sendable {
        /// Whose metadata it is.
        public enum Source: Hashable, Sendable {
            /// The request's: what filters noted.
            case request
            /// The route's own.
            case route
        }

        /// The entry's key.
        public var key: String
        /// The namespace.
        public var filter: String
        /// The keys that lead to the value, which must be a text.
        public var path: [String]
        /// What stands in its place where it is absent or empty; empty for nothing.
        public var fallback: String
        /// Whose metadata it is.
        public var source: Source
        /// Whether only the entry is left out where there is no value, and not the descriptor.
        public var skipsIfAbsent: Bool

        /// Creates a lookup.
        public init(
            key: String,
            filter: String,
            path: [String],
            fallback: String = "",
            source: Source = .request,
            skipsIfAbsent: Bool = false
        ) {
            self.key = key
            self.filter = filter
            self.path = path
            self.fallback = fallback
            self.source = source
            self.skipsIfAbsent = skipsIfAbsent
        }
    }

    /// `source_cluster`: the cluster that this process belongs to.
    case sourceCluster
    /// `destination_cluster`: the cluster that the route selects.
    case destinationCluster
    /// The first value of a header. Without it the entry is left out (`skipsIfAbsent`), or there is no descriptor.
    case header(HeaderName, key: String, skipsIfAbsent: Bool = false)
    /// The first value of a query parameter, its `%` escapes undone; likewise.
    case queryParameter(String, key: String, skipsIfAbsent: Bool = false)
    /// `remote_address`: the caller's address.
    case remoteAddress
    /// `masked_remote_address`: the first bits of the caller's address, `10.1.0.0/16`.
    case maskedRemoteAddress(version4Bits: Int = 32, version6Bits: Int = 128)
    /// A text. Envoy's key is `generic_key` where none is set.
    case text(Value, key: String = "generic_key")
    /// A text where the headers match or, with `expects` false, where they do not. Envoy's key is `header_match`.
    case headerMatch([HeaderMatcher], expects: Bool = true, Value, key: String = "header_match")
    /// The same for query parameters, whose `%` escapes are undone. Envoy's key is `query_match`.
    case queryMatch([QueryParameterMatcher], expects: Bool = true, Value, key: String = "query_match")
    /// A text where the caller's address is one of these. Envoy's key is `remote_address_match`.
    case addressMatch(Addresses, Value, key: String = "remote_address_match")
    /// A text of the metadata of the request or the route.
    case metadata(Metadata)

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        func requireKey(_ key: String) {
            problems.require(!key.isEmpty, "descriptorKey", "is empty")
        }
        switch self {
        case .sourceCluster, .destinationCluster, .remoteAddress: break
        case .header(let name, let key, _):
            requireKey(key)
            problems.require(name.isValid, "headerName", "is no header name: \(name)")
        case .queryParameter(let name, let key, _):
            requireKey(key)
            problems.require(!name.isEmpty, "queryParameterName", "is empty")
        case .maskedRemoteAddress(let version4, let version6):
            problems.require((0...32).contains(version4), "v4PrefixMaskLen", "must be from 0 to 32, is \(version4)")
            problems.require((0...128).contains(version6), "v6PrefixMaskLen", "must be from 0 to 128, is \(version6)")
        case .text(let value, let key):
            requireKey(key)
            problems.require(!value.format.text.isEmpty, "descriptorValue", "is empty")
        case .headerMatch(let matchers, _, let value, let key):
            requireKey(key)
            problems.require(!matchers.isEmpty, "headers", "at least one condition is needed")
            problems.require(!value.format.text.isEmpty, "descriptorValue", "is empty")
        case .queryMatch(let matchers, _, let value, let key):
            requireKey(key)
            problems.require(!matchers.isEmpty, "queryParameters", "at least one condition is needed")
            problems.require(!value.format.text.isEmpty, "descriptorValue", "is empty")
        case .addressMatch(let addresses, let value, let key):
            requireKey(key)
            problems.require(!addresses.ranges.isEmpty, "addressMatcher.ranges", "at least one range is needed")
            problems.require(!value.format.text.isEmpty, "descriptorValue", "is empty")
        case .metadata(let metadata):
            requireKey(metadata.key)
            problems.require(!metadata.filter.isEmpty, "metadataKey.key", "is empty")
            problems.require(!metadata.path.isEmpty, "metadataKey.path", "at least one key is needed")
        }
        try problems.throwIfAny()
    }
}
