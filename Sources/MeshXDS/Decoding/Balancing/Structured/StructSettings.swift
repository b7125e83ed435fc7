// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

/// The settings in a `google.protobuf.Struct`, each read once: those that nobody asked for are reported.
///
/// Names are as in protobuf's JSON: `decayTime` or `decay_time`. A `null` says nothing.
struct StructSettings {
    private var fields: [String: Google_Protobuf_Value]
    private let path: FieldPath

    init(_ message: Google_Protobuf_Struct, at path: FieldPath) {
        fields = message.fields
        self.path = path
    }

    /// A span of time, in protobuf's JSON (`"1.5s"`).
    /// - Returns: `nil` if it is not there, and, with a problem, if it is none.
    mutating func duration(_ name: String, _ context: inout DecodingContext) -> Nanoseconds? {
        guard let (value, path) = take(name) else { return nil }
        let text = value.stringValue
        let isPlain = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: ".")
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "s")
        }
        guard isPlain, let duration = try? Google_Protobuf_Duration(jsonString: "\"\(text)\"") else {
            context.reject(path, "must be a duration, such as \"1.5s\"")
            return nil
        }
        return Nanoseconds(duration, at: path, &context)
    }

    /// A number.
    /// - Returns: `nil` if it is not there, and, with a problem, if it is none.
    mutating func number(_ name: String, _ context: inout DecodingContext) -> Double? {
        guard let (value, path) = take(name) else { return nil }
        guard case .numberValue(let number) = value.kind, number.isFinite else {
            context.reject(path, "must be a number")
            return nil
        }
        return number
    }

    /// A whole number.
    /// - Returns: `nil` if it is not there, and, with a problem, if it is none.
    mutating func integer(_ name: String, _ context: inout DecodingContext) -> Int? {
        guard let (value, path) = take(name) else { return nil }
        guard case .numberValue(let number) = value.kind, let integer = Int(exactly: number) else {
            context.reject(path, "must be a whole number")
            return nil
        }
        return integer
    }

    /// One of some words.
    /// - Returns: `nil` if it is not there, and, with a problem, if it is another one.
    mutating func choice<Choice>(
        _ name: String,
        _ choices: KeyValuePairs<String, Choice>,
        _ context: inout DecodingContext
    ) -> Choice? {
        guard let (value, path) = take(name) else { return nil }
        guard let choice = choices.first(where: { $0.key == value.stringValue }) else {
            context.reject(path, "must be one of \(choices.map(\.key).joined(separator: ", "))")
            return nil
        }
        return choice.value
    }

    /// Reports what nobody asked for.
    func ignoreOthers(_ context: inout DecodingContext) {
        for name in fields.keys.sorted() { context.ignore(path[name], "is no setting of this policy") }
    }

    private mutating func take(_ name: String) -> (value: Google_Protobuf_Value, path: FieldPath)? {
        for name in [name, Self.snakeCase(name)] {
            guard let value = fields.removeValue(forKey: name) else { continue }
            if case .nullValue = value.kind { continue }
            return (value, path[name])
        }
        return nil
    }

    private static func snakeCase(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
}

extension Google_Protobuf_Value {
    /// A span of time in protobuf's JSON.
    init(_ span: Nanoseconds) {
        let text = (try? Google_Protobuf_Duration(span).jsonString()) ?? ""
        // JSON's quotes.
        self.init(stringValue: String(text.dropFirst().dropLast()))
    }
}
