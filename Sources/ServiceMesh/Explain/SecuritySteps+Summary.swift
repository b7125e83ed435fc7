// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity

extension JWTStep {
    /// What people are told of the filter: its providers with their keys, and what requests have to carry. Nothing of a key
    /// or a token.
    var summary: [String] {
        if isSwitchedOff {
            let names = authenticator.writtenHeaders.map(\.lowercased).joined(separator: ", ")
            return ["none are asked for here; callers cannot write \(names)"]
        }
        var lines = authenticator.providers.map { state in
            let provider = state.provider
            let issuer = provider.issuer.isEmpty ? "any issuer" : "issuer \(provider.issuer)"
            return "provider \(provider.name): \(issuer), keys \(state.keys.summary)"
        }
        if !verifies { lines.append("nobody in this process checks signatures: no token is good") }
        if let override {
            lines.append("the route asks for the requirement \(override)")
        } else {
            lines += filter.rules.enumerated().map { "rule \($0): \($1.requirement.summary)" }
        }
        return lines
    }
}

extension ExternalAuthorizationStep {
    /// What people are told of the service.
    var summary: String {
        let known = isServiceKnown ? "" : ", which this process does not know"
        let failing = filter.allowsOnFailure ? "passes" : "is refused with \(filter.failureStatus)"
        return
            "\(filter.service)\(known): asked within \(filter.timeout.duration); without an answer the request \(failing)"
    }
}

extension KeySetSource {
    fileprivate var summary: String {
        if let remote = self as? RemoteKeySet { return "of " + remote.summary }
        return "in the configuration: \(current?.keys.keys.count ?? 0)"
    }
}

extension JWTFilter.Requirement {
    fileprivate var summary: String {
        switch self {
        case .inline(let requirement): requirement.summary
        case .named(let name): "the requirement \(name)"
        }
    }
}

extension JWTRequirement {
    fileprivate var summary: String {
        switch self {
        case .none: "no token is needed"
        case .provider(let name): "a token of \(name)"
        case .providerForAudiences(let name, let audiences):
            "a token of \(name) for \(audiences.joined(separator: ", "))"
        case .any(let parts): "any of (" + parts.map(\.summary).joined(separator: "; ") + ")"
        case .all(let parts): "all of (" + parts.map(\.summary).joined(separator: "; ") + ")"
        case .allowMissing: "no token, or a good one"
        case .allowMissingOrFailed: "no token is needed, good ones are read"
        }
    }
}
