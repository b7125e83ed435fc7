// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What tokens a request has to carry (`envoy.extensions.filters.http.jwt_authn.v3.JwtRequirement`).
public indirect enum JWTRequirement: Hashable, Sendable {
    /// None.
    case none
    /// One of a provider's, and no other at that provider's places.
    case provider(String)
    /// The same, meant for one of these in place of the provider's own audiences.
    case providerForAudiences(String, [String])
    /// What one of these asks for.
    case any([JWTRequirement])
    /// What all of these ask for.
    case all([JWTRequirement])
    /// None; a token that is there has to be a good one, of any provider.
    case allowMissing
    /// None; what a good one says is passed on, and a bad one is as none.
    case allowMissingOrFailed

    /// How deep requirements may stand in one another.
    static let maximumDepth = 16

    /// Checks that its providers exist.
    /// - Throws: `ConfigurationError` with every one that does not.
    public func validate(providers: Set<String>) throws(ConfigurationError) {
        var problems = ProblemCollector()
        check(providers, depth: 0, "", &problems)
        try problems.throwIfAny()
    }

    private func check(_ providers: Set<String>, depth: Int, _ path: String, _ problems: inout ProblemCollector) {
        switch self {
        case .none, .allowMissing, .allowMissingOrFailed: break
        case .provider(let name), .providerForAudiences(let name, _):
            problems.require(providers.contains(name), path, "there is no provider \(name)")
        case .any(let parts), .all(let parts):
            guard depth < Self.maximumDepth else {
                return problems.note(path, "requirements stand more than \(Self.maximumDepth) deep")
            }
            problems.require(!parts.isEmpty, path, "must have a requirement")
            for (position, part) in parts.enumerated() {
                part.check(providers, depth: depth + 1, "\(path)[\(position)]", &problems)
            }
        }
    }
}
