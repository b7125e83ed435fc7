// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension TraceContext {
    /// Parses a `traceparent` header (W3C Trace Context §3.2).
    ///
    /// A version above 00 may carry more fields, which are passed over; version ff and identifiers of zero are invalid.
    /// - Returns: `nil` for an invalid header, on which a new trace must be started.
    public init?(traceparent: String, state: String? = nil) {
        var digits = HexReader(traceparent)
        guard
            let version = digits.byte(), version != 0xFF, digits.dash(),
            let high = digits.word(), let low = digits.word(), digits.dash(),
            let span = digits.word(), digits.dash(),
            let flags = digits.byte(),
            version == 0 ? digits.isAtEnd : digits.isAtEnd || digits.dash()
        else { return nil }
        self.init(traceIDHigh: high, traceIDLow: low, spanID: span, flags: flags, state: state)
        guard isValid else { return nil }
    }

    /// The position that a request names in its own `traceparent` and `tracestate` fields.
    /// - Returns: `nil` if it names none, or an invalid one.
    public init?(headersOf request: some RequestHead) {
        guard let traceparent = request.value(of: "traceparent") else { return nil }
        self.init(traceparent: traceparent, state: request.value(of: "tracestate"))
    }

    /// The `traceparent` header: `00-` trace `-` span `-` flags, 55 characters.
    public var traceparent: String {
        String(unsafeUninitializedCapacity: 55) { buffer in
            var writer = HexWriter(buffer: buffer)
            writer.byte(0)
            writer.dash()
            writer.word(traceIDHigh)
            writer.word(traceIDLow)
            writer.dash()
            writer.word(spanID)
            writer.dash()
            writer.byte(flags)
            return 55
        }
    }

    /// The trace's identifier as 32 lower-case hexadecimal digits.
    public var traceIDText: String {
        String(unsafeUninitializedCapacity: 32) { buffer in
            var writer = HexWriter(buffer: buffer)
            writer.word(traceIDHigh)
            writer.word(traceIDLow)
            return 32
        }
    }

    /// The span's identifier as 16 lower-case hexadecimal digits.
    public var spanIDText: String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            var writer = HexWriter(buffer: buffer)
            writer.word(spanID)
            return 16
        }
    }
}

/// Reads fixed-width lower-case hexadecimal fields; upper case is invalid in `traceparent`.
private struct HexReader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        self.rest = text[...].utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func digit() -> UInt64? {
        switch rest.popFirst() {
        case .some(let byte) where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte):
            UInt64(byte - UInt8(ascii: "0"))
        case .some(let byte) where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte):
            UInt64(byte - UInt8(ascii: "a") + 10)
        default: nil
        }
    }

    mutating func number(digits count: Int) -> UInt64? {
        var value: UInt64 = 0
        for _ in 0..<count {
            guard let digit = digit() else { return nil }
            value = value << 4 | digit
        }
        return value
    }

    mutating func byte() -> UInt8? { number(digits: 2).map { UInt8($0) } }
    mutating func word() -> UInt64? { number(digits: 16) }
    mutating func dash() -> Bool { rest.popFirst() == UInt8(ascii: "-") }
}

private struct HexWriter {
    let buffer: UnsafeMutableBufferPointer<UInt8>
    private var position = 0

    init(buffer: UnsafeMutableBufferPointer<UInt8>) {
        self.buffer = buffer
    }

    mutating func byte(_ value: UInt8) {
        digit(value >> 4)
        digit(value & 0xF)
    }

    mutating func word(_ value: UInt64) {
        for shift in stride(from: 60, through: 0, by: -4) {
            digit(UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 0xF)
        }
    }

    mutating func dash() { put(UInt8(ascii: "-")) }

    private mutating func digit(_ nibble: UInt8) {
        put(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10)
    }

    private mutating func put(_ byte: UInt8) {
        buffer[position] = byte
        position += 1
    }
}
