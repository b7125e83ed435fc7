// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

/// The names of which a peer's certificate must have one, as a validation context says them.
struct AcceptedNames: Equatable {
    /// Those in full: URIs, and in Envoy's older field names of any kind.
    var exact: [String] = []
    /// Those by other comparisons.
    var matchers: [PeerNameMatcher] = []
}

extension PeerNameMatcher {
    init?(
        _ message: Envoy_Extensions_TransportSockets_Tls_V3_SubjectAltNameMatcher,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let kind: Kind
        switch message.sanType {
        case .uri: kind = .uri
        case .dns: kind = .dns
        case .email: kind = .email
        case .ipAddress: kind = .address
        case .unspecified, .otherName, .UNRECOGNIZED:
            context.reject(path["san_type"], "must be EMAIL, DNS, URI or IP_ADDRESS")
            return nil
        }
        guard let matcher = StringMatcher(message.matcher, at: path["matcher"], &context) else { return nil }
        self.init(kind, matcher)
    }
}

extension Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext {
    /// The names of which the peer's certificate must have one; none for any.
    /// - Returns: `nil`, with a problem, if they are matched in a way that is not supported.
    func acceptedNames(at path: FieldPath, _ context: inout DecodingContext) -> AcceptedNames? {
        var names = AcceptedNames()
        for (position, name) in matchTypedSubjectAltNames.enumerated() {
            let path = path["match_typed_subject_alt_names", position]
            guard let matcher = PeerNameMatcher(name, at: path, &context) else { return nil }
            if matcher.kind == .uri, let exact = matcher.matcher.onlyText {
                names.exact.append(exact)
            } else {
                names.matchers.append(matcher)
            }
        }
        for (position, name) in matchSubjectAltNames.enumerated() {
            let path = path["match_subject_alt_names", position]
            guard let matcher = StringMatcher(name, at: path, &context) else { return nil }
            if let exact = matcher.onlyText {
                names.exact.append(exact)
            } else {
                names.matchers.append(PeerNameMatcher(nil, matcher))
            }
        }
        return names
    }

    /// Says the names: what looks like a URI is one; the rest may be any name, in the older field that says no kind.
    mutating func set(_ names: AcceptedNames) {
        for name in names.exact {
            if name.utf8.contains(UInt8(ascii: ":")) {
                matchTypedSubjectAltNames.append(
                    .with {
                        $0.sanType = .uri
                        $0.matcher.exact = name
                    }
                )
            } else {
                matchSubjectAltNames.append(.with { $0.exact = name })
            }
        }
        for matcher in names.matchers {
            let text = Envoy_Type_Matcher_V3_StringMatcher(matcher.matcher)
            guard let kind = matcher.kind else {
                matchSubjectAltNames.append(text)
                continue
            }
            matchTypedSubjectAltNames.append(
                .with {
                    $0.sanType = kind.message
                    $0.matcher = text
                }
            )
        }
    }
}

extension StringMatcher {
    /// The one text that it takes; `nil` if it may take others.
    fileprivate var onlyText: String? {
        if case .exact(let text) = pattern, !ignoresCase { text } else { nil }
    }
}

extension PeerNameMatcher.Kind {
    fileprivate var message: Envoy_Extensions_TransportSockets_Tls_V3_SubjectAltNameMatcher.SanType {
        switch self {
        case .uri: .uri
        case .dns: .dns
        case .email: .email
        case .address: .ipAddress
        }
    }
}
