// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What may stand on a request line and in `Host`: nothing that ends a line or a word early.
///
/// swift-http-types replaces CR, LF and NUL in what it is given by spaces, so that a space here may be the trace of an
/// attempt to smuggle a second request.
enum RequestTarget {
    /// Whether a path, with its query, can be written as RFC 9112's origin form.
    static func isValid(path: String, allowsAsterisk: Bool) -> Bool {
        guard path.utf8.first == UInt8(ascii: "/") else { return allowsAsterisk && path == "*" }
        return path.utf8.everyByte { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "#") }
    }

    /// Whether an authority can be written as a `Host` field: RFC 9110 §7.2 has no user information there.
    static func isValid(authority: String) -> Bool {
        !authority.isEmpty
            && authority.utf8.everyByte { byte in
                switch byte {
                case 0...0x20, 0x7F...0xFF: false
                case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "@"), UInt8(ascii: "\\"):
                    false
                default: true
                }
            }
    }
}

extension String.UTF8View {
    /// Whether every byte satisfies a condition; over memory where the string has its bytes side by side, as nearly all
    /// have.
    fileprivate func everyByte(_ condition: (UInt8) -> Bool) -> Bool {
        withContiguousStorageIfAvailable { $0.allSatisfy(condition) } ?? allSatisfy(condition)
    }
}
