// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// A provider with its keys, and the tokens that were checked by them.
package final class JWTProviderState: Sendable {
    /// The provider.
    package let provider: JWTProvider
    /// Its keys.
    package let keys: any KeySetSource
    private let verifier: any SignatureVerifier
    private let audiences: Set<String>
    private let cache: Mutex<TokenCache>

    /// Creates the state of a provider.
    package init(_ provider: JWTProvider, keys: any KeySetSource, verifier: any SignatureVerifier) {
        self.provider = provider
        self.keys = keys
        self.verifier = verifier
        self.audiences = Set(provider.audiences.map(\.audienceName))
        self.cache = Mutex(
            TokenCache(capacity: provider.cachedTokens, maximumBytes: provider.maximumCachedTokenBytes)
        )
    }

    /// A token that was checked by the keys that are in force; `nil` for others.
    func remembered(_ text: String) -> JSONWebToken? {
        guard let version = keys.current?.version else { return nil }
        return cache.withLock { $0.token(text, version: version) }
    }

    /// Checks what a token says: its times, whom it is meant for and about.
    /// - Parameter now: The time since 1970.
    func checkClaims(
        _ token: JSONWebToken,
        audiences others: [String]?,
        now: Nanoseconds
    ) throws(TokenFailure) {
        let seconds = now.rawValue / 1_000_000_000
        try token.checkTime(now: seconds, skew: UInt64(provider.clockSkew))
        let allowed = others.map { Set($0.map(\.audienceName)) } ?? audiences
        if !allowed.isEmpty, !token.audiences.contains(where: { allowed.contains($0.audienceName) }) {
            throw .audienceNotAllowed
        }
        if let subjects = provider.subjects, !subjects.matches(token.subject) { throw .verificationFailed }
        guard provider.requiresExpiration || provider.maximumLifetime != nil else { return }
        guard token.expiration != 0 else { throw .verificationFailed }
        guard let maximum = provider.maximumLifetime else { return }
        let (end, isFar) = token.expiration.multipliedReportingOverflow(by: 1_000_000_000)
        guard !isFar, end < now.rawValue || end - now.rawValue < maximum.rawValue else { throw .verificationFailed }
    }

    /// Checks a token's signature, and remembers the token if it is good.
    func checkSignature(_ token: JSONWebToken, _ text: String, until deadline: Deadline) async throws(TokenFailure) {
        let set: VersionedKeySet
        if let current = keys.current { set = current } else { set = try await keys.wait(until: deadline) }
        try await verifier.check(token, by: set.keys)
        cache.withLock { $0.remember(token, text, version: set.version) }
    }
}

extension String {
    /// An audience without its scheme and without its last slash, as Envoy compares them.
    fileprivate var audienceName: String {
        var name = self[...]
        for scheme in ["http://", "https://"] where name.utf8.starts(with: scheme.utf8) {
            name = Substring(name.utf8.dropFirst(scheme.utf8.count))
            break
        }
        if name.utf8.last == UInt8(ascii: "/") { name = Substring(name.utf8.dropLast()) }
        return String(name)
    }
}
