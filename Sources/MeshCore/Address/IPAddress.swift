// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// An IP address of either version, as 16 bytes; one of version 4 fills the first four.
public struct IPAddress: Hashable, Sendable {
    /// Whether it is one of version 6.
    public let isVersion6: Bool
    /// The first eight bytes, the first of them in the highest place.
    let high: UInt64
    /// The last eight bytes, likewise.
    let low: UInt64

    /// The number of bits of an address of this version.
    public var bitCount: Int { isVersion6 ? 128 : 32 }

    init(isVersion6: Bool, high: UInt64, low: UInt64) {
        self.isVersion6 = isVersion6
        self.high = high
        self.low = low
    }

    /// Reads an address: four decimal numbers, or version 6 as RFC 4291 §2.2 writes it, in brackets or without.
    public init?(_ text: String) {
        var text = text
        let parsed = text.withUTF8 { bytes -> IPAddress? in
            var bytes = bytes[...]
            if bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]"), bytes.count > 2 {
                bytes = bytes.dropFirst().dropLast()
            }
            // The longest that there is: eight groups, the last two written as version 4.
            guard bytes.count <= 45 else { return nil }
            return bytes.contains(UInt8(ascii: ":")) ? Self.version6(bytes) : Self.version4(bytes).map(Self.init)
        }
        guard let parsed else { return nil }
        self = parsed
    }

    /// An address of version 4, its first number in the highest place.
    package init(version4: UInt32) {
        self.init(isVersion6: false, high: UInt64(version4) << 32, low: 0)
    }

    /// The address at an end of a connection from its 16 bytes of version 6. One that stands for an address of version 4
    /// (RFC 4291 §2.5.5.2) is that: a socket for both versions tells of its callers so.
    package init(ofConnection high: UInt64, _ low: UInt64) {
        if high == 0, low >> 32 == 0xFFFF {
            self.init(version4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(isVersion6: true, high: high, low: low)
        }
    }

    private static func version4(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            // A leading zero could mean octal to somebody else.
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for byte in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                number = number * 10 + UInt32(byte - UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            address = address << 8 | number
        }
        return address
    }

    private static func version6(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> IPAddress? {
        var groups: [UInt16] = []
        /// How many groups stand before `::`.
        var gap: Int?
        var parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)[...]
        // A colon at an end belongs to `::`.
        if parts.first?.isEmpty == true {
            guard parts.count > 2, parts[parts.startIndex + 1].isEmpty else { return nil }
            parts = parts.dropFirst()
        }
        if parts.last?.isEmpty == true {
            guard parts.count > 1, parts[parts.endIndex - 2].isEmpty || parts.count == 2 else { return nil }
            parts = parts.dropLast()
        }
        for (number, part) in parts.enumerated() {
            if part.isEmpty {
                guard gap == nil else { return nil }
                gap = groups.count
            } else if number == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let address = version4(part) else { return nil }
                groups += [UInt16(address >> 16), UInt16(address & 0xFFFF)]
            } else {
                guard let group = hexadecimal(part) else { return nil }
                groups.append(group)
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: Array(repeating: 0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        let words = groups.map(UInt64.init)
        return IPAddress(
            isVersion6: true,
            high: words[0] << 48 | words[1] << 32 | words[2] << 16 | words[3],
            low: words[4] << 48 | words[5] << 32 | words[6] << 16 | words[7]
        )
    }

    private static func hexadecimal(_ part: Slice<UnsafeBufferPointer<UInt8>>) -> UInt16? {
        guard (1...4).contains(part.count) else { return nil }
        var group: UInt16 = 0
        for byte in part {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            group = group << 4 | UInt16(digit)
        }
        return group
    }

    /// The address with all bits behind the first `length` cleared.
    public func masked(to length: Int) -> IPAddress {
        let highBits = min(max(length, 0), 64)
        let lowBits = min(max(length - 64, 0), 64)
        return IPAddress(
            isVersion6: isVersion6,
            high: highBits == 0 ? 0 : high & (UInt64.max << UInt64(64 - highBits)),
            low: lowBits == 0 ? 0 : low & (UInt64.max << UInt64(64 - lowBits))
        )
    }
}

extension IPAddress: CustomStringConvertible {
    /// The address as RFC 5952 writes it.
    public var description: String {
        guard isVersion6 else {
            return [56, 48, 40, 32].map { String(high >> UInt64($0) & 0xFF) }.joined(separator: ".")
        }
        let groups = [high, low].flatMap { word in [48, 32, 16, 0].map { word >> UInt64($0) & 0xFFFF } }
        if high == 0, low >> 32 == 0xFFFF {
            return "::ffff:" + [24, 16, 8, 0].map { String(low >> UInt64($0) & 0xFF) }.joined(separator: ".")
        }
        let gap = Self.longestRunOfZeros(groups)
        func text(_ groups: ArraySlice<UInt64>) -> String {
            groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard gap.count > 1 else { return text(groups[...]) }
        return text(groups[..<gap.lowerBound]) + "::" + text(groups[gap.upperBound...])
    }

    /// The first of the longest runs.
    private static func longestRunOfZeros(_ groups: [UInt64]) -> Range<Int> {
        var longest = 0..<0
        var start: Int?
        for position in 0...groups.count {
            if position < groups.count, groups[position] == 0 {
                start = start ?? position
            } else if let begun = start {
                if position - begun > longest.count { longest = begun..<position }
                start = nil
            }
        }
        return longest
    }
}
