// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What the attempts of a case meet: the language of `script.py`, whose definition holds for both.
struct Script {
    /// What one attempt meets.
    enum Step {
        case answer(Int, [(name: HeaderName, value: String)])
        case reset
        case hang
    }

    /// How long nothing happens in `hang`.
    static let hang = Nanoseconds.seconds(3)
    /// The fields of every answer, behind the cluster's name.
    static let standing: [(name: HeaderName, value: String)] = [("x-resp", "one"), ("x-resp", "two")]

    private let steps: [Step]

    init(_ text: String?) {
        steps = (text ?? "").split(separator: ",").map { step in
            let parts = step.split(separator: "+", omittingEmptySubsequences: false)
            switch parts[0] {
            case "reset": return .reset
            case "hang": return .hang
            default: return .answer(Int(parts[0]) ?? 200, parts.dropFirst().map(Self.field))
            }
        }
    }

    /// What the n-th request of a case meets, from 0.
    func step(_ number: Int) -> Step {
        steps.indices.contains(number) ? steps[number] : .answer(200, [])
    }

    private static func field(_ text: Substring) -> (name: HeaderName, value: String) {
        let name = text.prefix { $0 != "=" }
        return (HeaderName(String(name)), unescaped(text.dropFirst(name.count + 1)))
    }

    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let value = UInt8(String(Substring(digits)), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
