// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension FieldReader {
    /// A mapping with fields of its own.
    mutating func mapping<Result>(_ name: String, _ body: (inout FieldReader) -> Result?) -> Result? {
        guard let value = value(name) else { return nil }
        return FieldReader.read(value, named: name, context, body) ?? nil
    }

    /// A mapping that must be there; it may be empty (`spec:`).
    mutating func requiredMapping<Result>(_ name: String, _ body: (inout FieldReader) -> Result?) -> Result? {
        guard has(name) else {
            reportMissing(name)
            return nil
        }
        let value = value(name) ?? YAMLValue(content: .null, position: keyPosition(name))
        return FieldReader.read(value, named: name, context, body) ?? nil
    }

    /// The elements of a list; none if the field is absent.
    mutating func list(_ name: String) -> [YAMLValue] {
        elements(name) ?? []
    }

    /// The elements of a list; `nil` if the field is absent or no list, which is reported.
    mutating func elements(_ name: String) -> [YAMLValue]? {
        guard let value = value(name) else { return nil }
        guard case .sequence(let elements) = value.content else {
            context.error(.wrongType, at: value.position, "\(name) must be a list, and is \(value.typeName)")
            return nil
        }
        return elements
    }

    /// The elements of a list of mappings, without those that cannot be read.
    mutating func mappings<Element>(_ name: String, _ body: (inout FieldReader) -> Element?) -> [Element] {
        list(name).compactMap { FieldReader.read($0, named: "an element of \(name)", context, body) ?? nil }
    }

    /// The elements of a list of texts, without those that cannot be read.
    mutating func texts(_ name: String) -> [Located<String>] {
        list(name).compactMap { text($0, named: "an element of \(name)") }
    }

    /// A mapping from names to texts.
    mutating func textMap(_ name: String) -> [Located<Pair>] {
        pairs(name).compactMap { entry in
            text(entry.value, named: entry.key).map {
                Located(value: Pair(key: entry.key, value: $0.value), position: entry.position)
            }
        }
    }

    /// A key with its text.
    struct Pair: Hashable, Sendable {
        var key: String
        var value: String
    }

    /// The entries of a mapping whose keys are not fields.
    mutating func pairs(_ name: String) -> [YAMLValue.Entry] {
        guard let value = value(name) else { return [] }
        guard case .mapping(let entries) = value.content else {
            context.error(.wrongType, at: value.position, "\(name) must be a mapping, and is \(value.typeName)")
            return []
        }
        return entries
    }

    /// Labels, checked as Kubernetes does.
    mutating func labels(_ name: String) -> [String: String] {
        var labels: [String: String] = [:]
        for label in textMap(name) {
            guard KubernetesName.isLabelValue(label.value.value) else {
                context.error(
                    .invalidValue,
                    at: label.position,
                    "the label \(label.value.key) has the value \(label.value.value); a label's value has at most 63 "
                        + "letters, digits, dashes, dots and underscores and begins and ends with a letter or digit"
                )
                continue
            }
            labels[label.value.key] = label.value.value
        }
        return labels
    }

    /// At most one of some fields: the one that is there.
    mutating func oneOf(_ names: [String], of owner: String) -> String? {
        let found = present(names)
        if found.count > 1 {
            context.error(
                .conflictingFields,
                at: keyPosition(found[1]),
                "\(owner) has \(found.joined(separator: " and ")); only one of them may be there"
            )
        }
        return found.first
    }
}
