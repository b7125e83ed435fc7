// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What a policy can match at all, in a form that is found by its hash: a necessary condition, never a sufficient one.
enum PolicyGuard: Equatable {
    /// The peer's certificate has one of these names, as URI name, DNS name or subject.
    case names(Set<String>)
    /// The request's path without its query is one of these.
    case paths(Set<String>)
    /// Nothing is known.
    case unknown

    /// The narrower one of what the policy says of callers and of paths.
    init(_ policy: AuthorizationPolicy) {
        let names = Self.any(policy.principals, \.exactNames)
        let paths = Self.any(policy.permissions, \.exactPaths)
        self =
            switch (names, paths) {
            case (let names?, let paths?): names.count <= paths.count ? .names(names) : .paths(paths)
            case (let names?, nil): .names(names)
            case (nil, let paths?): .paths(paths)
            case (nil, nil): .unknown
            }
    }

    /// What one of several parts must be for that one to match; `nil` if one of them may match anything.
    fileprivate static func any<Part>(_ parts: [Part], _ values: (Part) -> Set<String>?) -> Set<String>? {
        var all: Set<String> = []
        for part in parts {
            guard let own = values(part) else { return nil }
            all.formUnion(own)
        }
        return all
    }

    /// What several parts must be for all of them to match: what the strictest one says.
    fileprivate static func all<Part>(_ parts: [Part], _ values: (Part) -> Set<String>?) -> Set<String>? {
        parts.compactMap(values).min { $0.count < $1.count }
    }
}

extension StringMatcher {
    /// The one text that it takes; `nil` if there may be others.
    fileprivate var onlyText: String? {
        // Strings are equal that are composed in other ways, and matchers compare bytes: ASCII has one way only.
        guard case .exact(let text) = pattern, !ignoresCase, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        return text
    }
}

extension Principal {
    /// The names of which the peer must have one; `nil` if others match, too.
    fileprivate var exactNames: Set<String>? {
        switch self {
        case .all(let parts): PolicyGuard.all(parts, \.exactNames)
        case .anyOf(let parts): PolicyGuard.any(parts, \.exactNames)
        case .not(.any): []
        case .authenticated(let matcher): matcher?.onlyText.map { [$0] }
        case .identity(let matcher): matcher.onlyText.map { [$0] }
        case .certificate(let matcher):
            // An exact DNS name may be covered by another one.
            if let matcher, matcher.kind == .uri { matcher.matcher.onlyText.map { [$0] } } else { nil }
        case .any, .not, .source, .directRemote, .remote, .header, .path, .metadata: nil
        }
    }
}

extension Permission {
    /// The paths of which the request's must be one; `nil` if others match, too.
    fileprivate var exactPaths: Set<String>? {
        switch self {
        case .all(let parts): PolicyGuard.all(parts, \.exactPaths)
        case .anyOf(let parts): PolicyGuard.any(parts, \.exactPaths)
        case .not(.any): []
        case .path(let matcher): matcher.onlyText.map { [$0] }
        case .any, .not, .header, .pathTemplate, .destinationAddress, .destinationPort, .destinationPorts, .serverName,
            .metadata:
            nil
        }
    }
}
