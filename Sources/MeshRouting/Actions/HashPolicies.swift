// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The hash policies of a route, in their order: a request in, the hash by which consistent balancers pick out.
///
/// Each policy that finds something turns the hash by one bit and mixes its own in; a terminal one ends the list once
/// there is a hash. Hashes are XXH64.
public struct HashPolicies: Hashable, Sendable {
    /// Whose rules decide where they differ.
    public enum Semantics: Hashable, Sendable {
        /// Envoy's: the values of a header are hashed without regard to their order, each with the hash of those before it
        /// as its seed.
        case envoy
        /// gRPC's (gRFC A42): the values of a header are joined by a comma; binary headers are left out, and so is every
        /// source but headers and the channel.
        case grpc
    }

    /// What is known of a request besides its head.
    public struct Facts: Sendable {
        /// The caller's IP address.
        public var sourceAddress: String?
        /// The number of the client, which it drew when it was made.
        public var channel: UInt64
        /// Texts that filters noted.
        public var filterState: [String: String]

        /// Creates facts.
        public init(sourceAddress: String? = nil, channel: UInt64, filterState: [String: String] = [:]) {
            self.sourceAddress = sourceAddress
            self.channel = channel
            self.filterState = filterState
        }
    }

    /// What came out.
    public struct Outcome: Hashable, Sendable {
        /// The hash; `nil` if no policy found anything.
        public var hash: UInt64?
        /// Values of `set-cookie` that the response gets, for cookies that were made.
        public var setCookies: [String]

        /// Creates an outcome.
        public init(hash: UInt64? = nil, setCookies: [String] = []) {
            self.hash = hash
            self.setCookies = setCookies
        }
    }

    private let policies: [HashPolicy]
    private let semantics: Semantics

    /// Takes policies in order.
    public init(_ policies: [HashPolicy], semantics: Semantics = .envoy) {
        self.policies = policies
        self.semantics = semantics
    }

    /// Whether no request has a hash.
    public var isEmpty: Bool { policies.isEmpty }

    /// The hash of a request, making no cookie.
    /// - Complexity: O(number of policies), times what the request's type needs to find a header.
    public func hash(of request: some RequestHead, facts: Facts) -> UInt64? {
        outcome(of: request, facts: facts, newCookieValue: nil).hash
    }

    /// The hash of a request, and the cookies that were made for it.
    /// - Parameters:
    ///   - request: The request as the caller sent it.
    ///   - facts: What is known of it besides.
    ///   - newCookieValue: The value of a cookie that is made, see `cookieValue(for:)`; `nil` to make none.
    public func outcome(
        of request: some RequestHead,
        facts: Facts,
        newCookieValue: (() -> String)?
    ) -> Outcome {
        var outcome = Outcome()
        for policy in policies {
            if let hash = hash(by: policy.source, of: request, facts, newCookieValue, &outcome.setCookies) {
                let old = outcome.hash ?? 0
                outcome.hash = (old &<< 1 | old &>> 63) ^ hash
            }
            if policy.isTerminal, outcome.hash != nil { break }
        }
        return outcome
    }

    /// The value of a cookie that is made: the same for all requests of one connection, so that those which race for the
    /// first cookie agree.
    /// - Parameter connection: A text that names the connection, such as the addresses of both sides.
    public static func cookieValue(for connection: String) -> String {
        let digits = String(XXH64.hash(connection), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    private func hash(
        by source: HashPolicy.Source,
        of request: some RequestHead,
        _ facts: Facts,
        _ newCookieValue: (() -> String)?,
        _ setCookies: inout [String]
    ) -> UInt64? {
        switch source {
        case .header(let name, let rewrite): return header(name, rewrite, of: request)
        case .channel: return facts.channel
        case _ where semantics == .grpc: return nil
        case .cookie(let cookie): return self.cookie(cookie, of: request, newCookieValue, &setCookies)
        case .sourceAddress:
            return facts.sourceAddress.flatMap { $0.isEmpty ? nil : XXH64.hash($0) }
        case .queryParameter(let name):
            return QueryParameterMatcher.firstValue(of: name, in: request.path).map { XXH64.hash($0) }
        case .filterState(let key): return facts.filterState[key].map { XXH64.hash($0) }
        }
    }

    private func header(
        _ name: HeaderName,
        _ rewrite: RegexSubstitution?,
        of request: some RequestHead
    ) -> UInt64? {
        if semantics == .grpc {
            // Binary values are not text, and which content type a call has is up to the client library.
            if name.lowercased.hasSuffix("-bin") { return nil }
            guard let value = name == "content-type" ? "application/grpc" : request.value(of: name) else { return nil }
            return XXH64.hash(rewrite?.applied(to: value) ?? value)
        }
        var values = name.isListInEnvoy ? request.firstValue(of: name).map { [$0] } ?? [] : request.values(of: name)
        guard !values.isEmpty else { return nil }
        if let rewrite { values = values.map { rewrite.applied(to: $0) } }
        if values.count > 1 { values.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
        return values.reduce(0) { XXH64.hash($1, seed: $0) }
    }

    private func cookie(
        _ cookie: HashPolicy.CookieSource,
        of request: some RequestHead,
        _ newCookieValue: (() -> String)?,
        _ setCookies: inout [String]
    ) -> UInt64? {
        if let value = CookieMatcher.firstValue(of: cookie.name, in: request), !value.isEmpty {
            return XXH64.hash(value)
        }
        guard let lifetime = cookie.lifetime, let value = newCookieValue?(), !value.isEmpty else { return nil }
        setCookies.append(cookie.setCookie(value, lifetime: lifetime))
        return XXH64.hash(value)
    }
}

extension HashPolicy.CookieSource {
    /// The value of `set-cookie` that gives the caller this cookie; scripts of pages do not see it.
    func setCookie(_ value: String, lifetime: Nanoseconds) -> String {
        var text = "\(name)=\"\(value)\""
        let seconds = lifetime.rawValue / 1_000_000_000
        if seconds > 0 { text += "; Max-Age=\(seconds)" }
        if !path.isEmpty { text += "; Path=\(path)" }
        for attribute in attributes {
            text += attribute.value.isEmpty ? "; \(attribute.name)" : "; \(attribute.name)=\(attribute.value)"
        }
        return text + "; HttpOnly"
    }
}
