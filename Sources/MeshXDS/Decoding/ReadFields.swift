// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftProtobuf

/// The fields of a message that a decoder reads, by their official names; all others are reported when they are set.
///
/// Naming what is read, and not what is not, means that a field which joins the API tomorrow is reported too.
struct ReadFields: Sendable {
    private let messageName: String
    private let numbers: Set<Int>

    /// Looks the numbers of the names up.
    init<M: Message>(_ type: M.Type, _ names: String...) {
        self.messageName = M.protoMessageName
        var numbers: Set<Int> = []
        // The API numbers fields from 1 without large gaps; 200 is twice the highest number in use.
        for number in 1...200 {
            guard let name = KnownFieldNames.name(ofField: number, in: M.protoMessageName) else { continue }
            if names.contains(name) { numbers.insert(number) }
        }
        assert(numbers.count == names.count, "\(M.protoMessageName) does not have all of \(names)")
        self.numbers = numbers
    }

    /// The names of those of the fields that are set, in the order of their numbers.
    func set<M: Message>(in message: M) -> [String] {
        var fields = SetFields()
        try? message.traverse(visitor: &fields)
        return fields.numbers.intersection(numbers).sorted().compactMap {
            KnownFieldNames.name(ofField: $0, in: messageName)
        }
    }

    /// The names of the fields that are set and not read, in the order of their numbers.
    func others<M: Message>(in message: M) -> [String] {
        var fields = SetFields()
        // The visitor throws nothing; messages throw only for an `Any` made from JSON, which the wire has not.
        try? message.traverse(visitor: &fields)
        let others = fields.numbers.subtracting(numbers)
        guard !others.isEmpty else { return [] }
        return others.sorted().map { number in
            KnownFieldNames.name(ofField: number, in: messageName) ?? "field_\(number)"
        }
    }
}
