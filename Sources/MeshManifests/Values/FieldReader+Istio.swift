// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What a text must be, in Istio's `StringMatch`.
enum TextCondition: Hashable, Sendable {
    case exact(String)
    case prefix(String)
    case expression(RegularExpression)
    /// Anything, as long as it is there.
    case present
}

extension FieldReader {
    /// A host, completed to a full name.
    mutating func host(_ name: String, namespace: String) -> Located<HostPattern>? {
        requiredText(name).flatMap { host($0, named: name, namespace: namespace) }
    }

    /// Hosts, completed to full names.
    mutating func hosts(_ name: String, namespace: String) -> [Located<HostPattern>] {
        texts(name).compactMap { host($0, named: "an element of \(name)", namespace: namespace) }
    }

    private func host(_ text: Located<String>, named name: String, namespace: String) -> Located<HostPattern>? {
        guard let host = HostPattern(text.value, namespace: namespace) else {
            context.error(.invalidValue, at: text.position, "\(name) is \(text.value), which is no host name")
            return nil
        }
        return Located(value: host, position: text.position)
    }

    /// A regular expression of RE2's syntax.
    func expression(_ text: Located<String>, named name: String) -> RegularExpression? {
        do {
            return try RegularExpression(text.value)
        } catch {
            let position = context.position(of: error.position, in: text)
            let fragment = error.fragment.isEmpty ? "" : ": \(error.fragment)"
            context.error(
                .invalidRegularExpression,
                at: position,
                "\(name) is no regular expression of RE2's syntax: \(error.problem)\(fragment)"
            )
            return nil
        }
    }

    /// `exact`, `prefix` or `regex`; none of them asks only whether the text is there.
    mutating func textCondition(_ name: String, allowsStar: Bool = true) -> TextCondition? {
        mapping(name) { $0.readTextCondition(of: name, allowsStar: allowsStar) }
    }

    /// The same, of this mapping itself.
    mutating func readTextCondition(of name: String, allowsStar: Bool = true) -> TextCondition? {
        switch oneOf(["exact", "prefix", "regex"], of: name) {
        case "exact": return text("exact").map { .exact($0.value) }
        case "prefix": return text("prefix").map { .prefix($0.value) }
        case "regex":
            return text("regex").flatMap { text in
                // No expression, but Istio's word for whatever is there.
                if text.value == "*", allowsStar { return .present }
                guard !text.value.isEmpty else {
                    context.error(.invalidValue, at: text.position, "regex is empty; use exact for an empty text")
                    return nil
                }
                return expression(text, named: "regex").map { .expression($0) }
            }
        default: return .present
        }
    }

    /// The share of requests that a fault hits: `percentage.value`, or the older whole number `percent`.
    mutating func share(named owner: String) -> FractionalPercent {
        let problems = context.diagnostics.count
        let older = integer("percent", in: 0...100)
        let newer = mapping("percentage") { $0.number("value", in: 0...100) }
        guard context.diagnostics.count == problems else { return .none }
        if older != nil {
            context.report(
                .deprecation,
                .deprecatedField,
                at: keyPosition("percent"),
                "percent is deprecated; its successor is percentage.value"
            )
        }
        guard let share = newer?.value ?? older.map({ Double($0.value) }), share > 0 else {
            context.warning(.noEffect, at: position, "\(owner) hits 0% of the requests; set percentage.value")
            return .none
        }
        return FractionalPercent(share: share)
    }

    /// To which namespaces a manifest applies (`exportTo`).
    mutating func visibility(namespace: String) -> Visibility {
        let names = texts("exportTo")
        guard has("exportTo"), !names.isEmpty else { return .everywhere }
        var namespaces: Set<String> = []
        for name in names {
            switch name.value {
            case "*": return .everywhere
            case ".": namespaces.insert(namespace)
            // "~" is Istio's word for nowhere.
            case "~": break
            default: namespaces.insert(name.value)
            }
        }
        return .namespaces(namespaces)
    }
}

/// From which namespaces a manifest is seen.
enum Visibility: Hashable, Sendable {
    case everywhere
    case namespaces(Set<String>)

    func includes(_ namespace: String) -> Bool {
        switch self {
        case .everywhere: true
        case .namespaces(let namespaces): namespaces.contains(namespace)
        }
    }
}

extension FractionalPercent {
    /// A share in percent, from 0 to 100; whole ones stay whole.
    init(share: Double) {
        if share.rounded() == share {
            self.init(numerator: UInt32(share))
        } else {
            self.init(percent: share)
        }
    }
}
