// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The cookies of a request, for tokens that stand in them.
enum CookieText {
    /// The first value of a name, without quotes around it.
    static func firstValue(of name: String, in request: some RequestHead) -> String? {
        for field in request.values(of: "cookie") {
            for pair in field.utf8.split(separator: UInt8(ascii: ";")) {
                let pair = pair.drop { $0 == UInt8(ascii: " ") }
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), pair[..<equals].elementsEqual(name.utf8)
                else { continue }
                var value = pair[pair.index(after: equals)...]
                let quote = UInt8(ascii: "\"")
                if value.count >= 2, value.first == quote, value.last == quote {
                    value = value.dropFirst().dropLast()
                }
                return String(Substring(value))
            }
        }
        return nil
    }
}
