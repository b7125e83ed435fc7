// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension JWTProvider {
    /// Checks the bounds, and reads the keys that stand in it.
    /// - Throws: `ConfigurationError` with every bound that is broken. It says nothing of the keys themselves.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!name.isEmpty, "name", "must not be empty")
        switch keys {
        case .text(let text):
            do throws(JSONWebKeySet.Malformed) {
                _ = try JSONWebKeySet(Array(text.utf8))
            } catch {
                problems.note("keys", error.description)
            }
        case .remote(let remote):
            _ = problems.nest("keys") { () throws(ConfigurationError) in try remote.validate() }
        }
        for (position, location) in fromHeaders.enumerated() {
            problems.require(
                location.name.isField,
                "fromHeaders[\(position)].name",
                "must be a header's name"
            )
        }
        for (position, name) in fromParameters.enumerated() {
            problems.require(!name.isEmpty, "fromParameters[\(position)]", "must not be empty")
        }
        for (position, name) in fromCookies.enumerated() {
            problems.require(!name.isEmpty, "fromCookies[\(position)]", "must not be empty")
        }
        if let payloadHeader { problems.require(payloadHeader.isField, "payloadHeader", "must be a header's name") }
        for (position, rule) in claimHeaders.enumerated() {
            problems.require(rule.header.isField, "claimHeaders[\(position)].header", "must be a header's name")
            problems.require(!rule.claim.isEmpty, "claimHeaders[\(position)].claim", "must not be empty")
        }
        if let maximumLifetime {
            problems.require(maximumLifetime >= .zero, "maximumLifetime", "must be 0 or more")
        }
        problems.require(clockSkew > 0, "clockSkew", "must be at least 1 s")
        problems.require((1...100_000).contains(cachedTokens), "cachedTokens", "must be from 1 to 100000")
        problems.require(
            (1...JSONWebToken.maximumBytes).contains(maximumCachedTokenBytes),
            "maximumCachedTokenBytes",
            "must be from 1 to \(JSONWebToken.maximumBytes)"
        )
        try problems.throwIfAny()
    }
}

extension HeaderName {
    /// Whether it is the name of a field, and none of the request line's parts.
    fileprivate var isField: Bool { isValid && lowercased.utf8.first != UInt8(ascii: ":") }
}
