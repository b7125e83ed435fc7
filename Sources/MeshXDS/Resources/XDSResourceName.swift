// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The name of a resource that says whose it is: `xdstp://AUTHORITY/TYPE/ID?CONTEXT` (xRFC TP1, gRFC A47).
///
/// Names that do not begin with `xdstp:` are of the old style: they are whatever their control plane takes them for, and
/// belong to the servers at the top of a bootstrap.
public struct XDSResourceName: Hashable, Sendable {
    /// What names of this style begin with.
    static let scheme = "xdstp:"

    /// Who answers for the resource; empty for the nameless authority (`xdstp:///…`).
    public var authority: String
    /// The full name of the resource's message, as `envoy.config.listener.v3.Listener`.
    public var type: String
    /// What the authority calls it: percent-encoded, and maybe with slashes; not empty.
    public var id: String
    /// The context parameters by name, percent-encoded. They are a part of the name, in whatever order they stand.
    public var context: [String: String]

    /// Creates a name out of its parts.
    /// - Parameters:
    ///   - authority: Without slashes, as it stands in bootstraps.
    ///   - id: As people write it; what may not stand in a path is percent-encoded.
    ///   - context: As people write them.
    public init(authority: String, kind: ResourceKind, id: String, context: [String: String] = [:]) {
        self.authority = authority
        self.type = kind.rawValue
        self.id = id.percentEncodedPath
        self.context = Dictionary(
            context.map { ($0.key.percentEncodedQueryPart, $0.value.percentEncodedQueryPart) },
            uniquingKeysWith: { $1 }
        )
    }

    /// Reads a name.
    /// - Throws: `ConfigurationError` that says what is wrong with it.
    public init(_ text: String) throws(ConfigurationError) {
        guard Self.isNewStyle(text) else { throw ConfigurationError(path: "", "does not begin with \(Self.scheme)") }
        let bytes = text.utf8
        guard !bytes.contains(UInt8(ascii: "#")) else {
            throw ConfigurationError(path: "", "has a directive (#), which is not supported")
        }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), text.hasValidPercentEncoding else {
            throw ConfigurationError(path: "", "is no URI: what may not stand in one has to be percent-encoded")
        }
        let rest = text.dropFirst(Self.scheme.count)
        guard rest.hasPrefix("//") else { throw ConfigurationError(path: "", "has no // before its authority") }
        let halves = rest.dropFirst(2).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[1].isEmpty, !parts[2].isEmpty else {
            throw ConfigurationError(path: "", "is not xdstp://AUTHORITY/TYPE/ID")
        }
        authority = String(parts[0])
        type = String(parts[1])
        id = String(parts[2])
        context = [:]
        guard halves.count == 2 else { return }
        for parameter in halves[1].split(separator: "&") {
            let pair = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard !pair[0].isEmpty else {
                throw ConfigurationError(path: "", "has a context parameter without a name")
            }
            // What a name that stands there twice means nobody says (gRFC A47); the last one counts.
            context[String(pair[0])] = pair.count == 2 ? String(pair[1]) : ""
        }
    }

    /// Whether a name is of this style, well-formed or not.
    public static func isNewStyle(_ name: String) -> Bool { name.utf8.starts(with: scheme.utf8) }
}

extension XDSResourceName: CustomStringConvertible {
    /// The name in its canonical form: the context parameters in the order of their names.
    public var description: String {
        let path = "\(Self.scheme)//\(authority)/\(type)/\(id)"
        guard !context.isEmpty else { return path }
        let parameters = context.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return path + "?" + parameters.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
    }
}
