// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What was noted of a request's tokens, for filters that come later: the namespace `envoy.filters.http.jwt_authn`.
public struct TokenNotes: Sendable {
    /// The notes, by their names.
    public private(set) var fields: [String: MetadataValue] = [:]

    /// Creates no notes.
    public init() {}

    mutating func passed(_ token: JSONWebToken, _ provider: JWTProvider) {
        if !provider.headerNote.isEmpty { fields[provider.headerNote] = .fields(token.header) }
        guard !provider.claimsNote.isEmpty else { return }
        var claims = token.claims
        for name in provider.spaceDelimitedClaims {
            guard case .text(let text) = claims[name] else { continue }
            let words = text.split(separator: " ")
            // Nothing but spaces stays what it was.
            if !words.isEmpty { claims[name] = .list(words.map { .text(String($0)) }) }
        }
        fields[provider.claimsNote] = .fields(claims)
    }

    mutating func failed(_ failure: TokenFailure, _ provider: JWTProvider) {
        guard !provider.failureNote.isEmpty else { return }
        fields[provider.failureNote] = .fields([
            "code": .number(Double(failure.rawValue)), "message": .text(failure.message),
        ])
    }
}
