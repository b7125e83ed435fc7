// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A field of the official API, as documents have to know it.
struct KnownField {
    /// What a value of the field is.
    enum Kind: Hashable {
        /// A number, a text or a truth value, by its letter in the table.
        case scalar(Character)
        /// One of an enumeration's values, by its place in the table.
        case enumeration(Int)
        /// A message; `nil` if the table does not have it.
        case message(String?)
    }

    /// How many values the field has.
    enum Shape: Hashable {
        case single
        case repeated
        /// Values by key; keys are scalars.
        case map(key: Kind)
    }

    /// Its official name.
    let name: String
    /// Its number on the wire.
    let number: Int
    /// What its values are.
    let kind: Kind
    /// How many there are.
    let shape: Shape
    /// The `oneof` that it belongs to.
    let oneof: Int?

    /// The fields of a message by their names and by those that JSON has for them; `nil` if it is not known.
    static func table(of message: String) -> [String: KnownField]? {
        guard let line = KnownFieldNames.fields(of: message) else { return nil }
        var fields: [String: KnownField] = [:]
        var number = 1
        for word in line.split(separator: " ") {
            if let jump = Int(word) {
                number = jump
                continue
            }
            defer { number += 1 }
            guard let field = KnownField(word, number: number) else { continue }
            fields[field.name] = field
            fields[jsonName(of: field.name)] = field
        }
        return fields
    }

    /// Parses a word of the table.
    private init?(_ word: Substring, number: Int) {
        let parts = word.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let type = parts[1].split(separator: "!", maxSplits: 1)
        guard var rest = type.first else { return nil }
        self.name = String(parts[0])
        self.number = number
        self.oneof = type.count == 2 ? Int(type[1]) : nil
        switch rest.first {
        case "*":
            shape = .repeated
            rest = rest.dropFirst()
        case "%":
            guard let key = rest.dropFirst().first else { return nil }
            shape = .map(key: .scalar(key))
            rest = rest.dropFirst(2)
        default: shape = .single
        }
        guard let kind = Kind(rest) else { return nil }
        self.kind = kind
    }

    /// What JSON calls a field: without underscores, the letters behind them in upper case.
    static func jsonName(of name: String) -> String {
        var result = ""
        var isRaised = false
        for character in name {
            if character == "_" {
                isRaised = true
            } else {
                result += isRaised ? character.uppercased() : String(character)
                isRaised = false
            }
        }
        return result
    }
}

extension KnownField.Kind {
    /// Parses a type of the table.
    fileprivate init?(_ type: Substring) {
        let place = type.dropFirst()
        switch type.first {
        case "m":
            if place.isEmpty {
                self = .message(nil)
            } else if let position = Int(place) {
                self = .message(KnownFieldNames.messageName(at: position).map(String.init))
            } else {
                self = .message("google.protobuf.\(place)")
            }
        case "e":
            guard let position = Int(place) else { return nil }
            self = .enumeration(position)
        case let letter?: self = .scalar(letter)
        case nil: return nil
        }
    }
}
