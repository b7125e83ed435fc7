// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshXDS

extension DocumentNode {
    /// A member of an object.
    subscript(name: String) -> DocumentNode? {
        guard case .fields(let fields) = value else { return nil }
        return fields.first { $0.name == name }?.value
    }

    /// The members of an object.
    var members: [(name: String, value: DocumentNode)] {
        guard case .fields(let fields) = value else { return [] }
        return fields.map { ($0.name, $0.value) }
    }

    /// The elements of a list.
    var elements: [DocumentNode] {
        guard case .list(let elements) = value else { return [] }
        return elements
    }

    /// A text.
    var text: String? {
        guard case .text(let text) = value else { return nil }
        return text
    }

    /// A whole number.
    var number: Int? {
        guard case .number(let text) = value else { return nil }
        return Int(text)
    }

    /// Whether it is `true`.
    var isTrue: Bool { value == .boolean(true) }
}
