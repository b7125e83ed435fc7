// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a session's cookie holds, as protobuf writes it: a text in field 1 and a number in field 2.
struct CookieMessage: Hashable {
    var address = ""
    var expires: UInt64 = 0

    init(address: String, expires: UInt64) {
        self.address = address
        self.expires = expires
    }

    /// Reads a message; fields that it does not know are passed over.
    /// - Returns: `nil` for what is no message.
    init?(_ bytes: [UInt8]) {
        var position = 0
        while position < bytes.count {
            guard let tag = Self.number(bytes, &position), tag >> 3 > 0 else { return nil }
            switch tag & 7 {
            case 0:
                guard let value = Self.number(bytes, &position) else { return nil }
                if tag >> 3 == 2 { expires = value }
            case 1: position += 8
            case 2:
                guard let length = Self.number(bytes, &position), length <= bytes.count - position else { return nil }
                let end = position + Int(length)
                if tag >> 3 == 1 {
                    guard let text = String(validating: bytes[position..<end], as: UTF8.self) else { return nil }
                    address = text
                }
                position = end
            case 5: position += 4
            default: return nil
            }
            guard position <= bytes.count else { return nil }
        }
    }

    private static func number(_ bytes: [UInt8], _ position: inout Int) -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position += 1
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
        }
        return nil
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ number: UInt64) {
            var rest = number
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(truncatingIfNeeded: rest))
        }
        if !address.isEmpty {
            append(1 << 3 | 2)
            append(UInt64(address.utf8.count))
            bytes += address.utf8
        }
        if expires != 0 {
            append(2 << 3)
            append(expires)
        }
        return bytes
    }
}
