// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Where requests carry tokens of one provider, or of several, in the order in which Envoy looks: headers, parameters,
/// cookies, each by name.
struct TokenLocations: Sendable {
    /// A token that was found.
    struct Found: Sendable {
        let text: String
        let location: Location
        /// Who may have issued a token at that place; `nil` for anybody.
        let issuers: Set<String>?

        func allows(_ issuer: String) -> Bool { issuers?.contains(issuer) ?? true }
    }

    /// A place.
    enum Location: Hashable, Sendable {
        case header(HeaderName, prefix: String)
        case parameter(String)
        case cookie(String)

        /// By which places of one kind are put in order.
        var key: String {
            switch self {
            case .header(let name, let prefix): name.lowercased + prefix
            case .parameter(let name), .cookie(let name): name
            }
        }

        private var rank: Int {
            switch self {
            case .header: 0
            case .parameter: 1
            case .cookie: 2
            }
        }

        func precedes(_ other: Location) -> Bool {
            rank == other.rank ? key.utf8.lexicographicallyPrecedes(other.key.utf8) : rank < other.rank
        }

        /// Takes a token out of a request. Cookies stay: Envoy leaves them, too.
        func remove(from request: inout some RequestHead) {
            switch self {
            case .header(let name, _): request.removeValues(of: name)
            case .parameter(let name): request.path = QueryText.removing(name, from: request.path)
            case .cookie: break
            }
        }
    }

    private let places: [(location: Location, issuers: Set<String>?)]
    /// The headers that providers write.
    let written: [HeaderName]

    init(_ providers: [JWTProvider]) {
        var issuers: [Location: Set<String>?] = [:]
        for provider in providers {
            for location in provider.locations {
                let known = issuers[location] ?? Set<String>()
                // Whoever takes any issuer's tokens takes them at this place.
                issuers[location] = provider.issuer.isEmpty ? .some(nil) : known.map { $0.union([provider.issuer]) }
            }
        }
        places = issuers.sorted { $0.key.precedes($1.key) }.map { ($0.key, $0.value) }
        written = providers.flatMap(\.writtenHeaders)
    }

    /// The tokens of a request.
    /// - Complexity: O(places × size of what is looked at).
    func tokens(in request: some RequestHead) -> [Found] {
        var found: [Found] = []
        for place in places {
            switch place.location {
            case .header(let name, let prefix):
                for value in Self.values(of: name, in: request) {
                    guard let text = Self.token(in: value, behind: prefix) else { continue }
                    found.append(Found(text: text, location: place.location, issuers: place.issuers))
                }
            case .parameter(let name):
                guard let text = QueryText.firstValue(of: name, in: request.path) else { continue }
                found.append(Found(text: text, location: place.location, issuers: place.issuers))
            case .cookie(let name):
                guard let text = CookieText.firstValue(of: name, in: request) else { continue }
                found.append(Found(text: text, location: place.location, issuers: place.issuers))
            }
        }
        return found
    }

    /// The values of a header. Of `authorization` there is one: several are no two tokens but one that is broken, as for
    /// Envoy, which joins them.
    private static func values(of name: HeaderName, in request: some RequestHead) -> [String] {
        guard name == "authorization" else { return request.values(of: name) }
        return request.value(of: name).map { [$0] } ?? []
    }

    /// The token in a header's value; `nil` if what should stand before it does not. As Envoy, it begins with the first
    /// character behind that which a token can have.
    private static func token(in value: String, behind prefix: String) -> String? {
        guard !prefix.isEmpty else { return value }
        let (bytes, wanted) = (Array(value.utf8), Array(prefix.utf8))
        guard bytes.count >= wanted.count else { return nil }
        for start in 0...(bytes.count - wanted.count) where bytes[start...].starts(with: wanted) {
            let rest = bytes[(start + wanted.count)...].drop { !$0.isTokenByte }
            return rest.isEmpty ? value : String(decoding: rest, as: UTF8.self)
        }
        return nil
    }
}

extension JWTProvider {
    /// Where its tokens are.
    fileprivate var locations: [TokenLocations.Location] {
        if fromHeaders.isEmpty, fromParameters.isEmpty, fromCookies.isEmpty {
            return [.header("authorization", prefix: "Bearer "), .parameter("access_token")]
        }
        return fromHeaders.map { .header($0.name, prefix: $0.valuePrefix) } + fromParameters.map { .parameter($0) }
            + fromCookies.map { .cookie($0) }
    }
}

extension UInt8 {
    fileprivate var isTokenByte: Bool {
        switch self {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
