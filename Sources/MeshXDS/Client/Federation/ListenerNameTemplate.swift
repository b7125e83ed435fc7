// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How names of listeners come of what people write: a bootstrap's template with `%s` in it (gRFC A47).
struct ListenerNameTemplate {
    /// The token that is replaced, as often as it stands there.
    static let token = "%s"

    let text: String

    init(_ text: String) {
        self.text = text
    }

    /// The name for a host or an address. In a template of the new style what may not stand in a path is
    /// percent-encoded; the name is in its canonical form.
    func name(of name: String) -> String {
        let isNewStyle = XDSResourceName.isNewStyle(text)
        return text.split(separator: Self.token, omittingEmptySubsequences: false)
            .joined(separator: isNewStyle ? name.percentEncodedPath : name)
            .canonicalResourceName
    }

    /// What is wrong with a template of the new style; `nil` if nothing is.
    /// - Parameter authority: The authority whose it has to be, if there is a certain one.
    func problem(of authority: String? = nil) -> String? {
        if let authority {
            let prefix = Self.prefix(of: authority)
            guard text.hasPrefix(prefix) else { return "has to begin with \(prefix)" }
        }
        guard XDSResourceName.isNewStyle(text) else { return nil }
        do {
            // `%s` itself is no percent-encoding.
            let type = try XDSResourceName(name(of: "name")).type
            guard type != ResourceKind.listener.rawValue else { return nil }
            return "names a \(type), not a \(ResourceKind.listener.rawValue)"
        } catch {
            return error.problems.map(\.message).joined(separator: ", ")
        }
    }

    /// What the names of an authority's listeners begin with.
    static func prefix(of authority: String) -> String {
        "\(XDSResourceName.scheme)//\(authority)/\(ResourceKind.listener.rawValue)/"
    }
}
