// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshXDS
import ServiceMesh

extension DocumentNode {
    /// The elements of a list.
    func elements(at path: String, _ problems: inout DocumentProblems) -> [DocumentNode] {
        if case .list(let elements) = value { return elements }
        problems.note(position, path, "must be a list, is \(typeName)")
        return []
    }

    /// The value as a text.
    func text(at path: String, _ problems: inout DocumentProblems) -> String? {
        if case .text(let text) = value { return text }
        problems.note(position, path, "must be a text, is \(typeName)\(isScalar ? ": write it in quotes" : "")")
        return nil
    }

    /// The value as a truth value.
    func boolean(at path: String, _ problems: inout DocumentProblems) -> Bool? {
        if case .boolean(let truth) = value { return truth }
        problems.note(position, path, "must be true or false, is \(typeName)")
        return nil
    }

    /// The value as a whole number from 0 to a bound; protobuf's JSON writes large ones as texts.
    func number(upTo bound: UInt64, at path: String, _ problems: inout DocumentProblems) -> UInt64? {
        switch value {
        case .number(let text), .text(let text):
            if let number = UInt64(text), number <= bound, text.utf8.first != UInt8(ascii: "+") { return number }
            problems.note(position, path, "must be a whole number from 0 to \(bound), is \(text)")
        default: problems.note(position, path, "must be a whole number from 0 to \(bound), is \(typeName)")
        }
        return nil
    }

    /// The value as a span of time in protobuf's JSON: seconds with up to nine digits behind the point, and an `s`.
    func duration(at path: String, _ problems: inout DocumentProblems) -> Nanoseconds? {
        guard let text = text(at: path, &problems) else { return nil }
        let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        let isDecimal = parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        guard text.utf8.last == UInt8(ascii: "s"), isDecimal, (1...2).contains(parts.count),
            let seconds = UInt64(parts[0]), seconds <= Self.longestDuration, parts.count == 1 || parts[1].count <= 9
        else {
            problems.note(position, path, "must be a duration such as 1.5s, up to \(Self.longestDuration)s, is \(text)")
            return nil
        }
        guard parts.count == 2 else { return .seconds(seconds) }
        let digits = parts[1] + String(repeating: "0", count: 9 - parts[1].count)
        return Nanoseconds(rawValue: seconds * 1_000_000_000 + (UInt64(digits) ?? 0))
    }

    /// As many seconds as count in nanoseconds in 64 bits, and a fraction of one.
    private static let longestDuration: UInt64 = 18_446_744_072

    /// The value as metadata (`google.protobuf.Value`).
    var metadata: RouteCheck.Input.Metadata {
        switch value {
        case .null: .null
        case .boolean(let truth): .boolean(truth)
        case .number(let text): Double(text).map(RouteCheck.Input.Metadata.number) ?? .text(text)
        case .text(let text): .text(text)
        case .list(let elements): .list(elements.map(\.metadata))
        case .fields(let fields):
            .fields(Dictionary(fields.map { ($0.name, $0.value.metadata) }) { $1 })
        }
    }

    private var isScalar: Bool {
        switch value {
        case .boolean, .number: true
        case .null, .text, .list, .fields: false
        }
    }
}
