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
    @inlinable
    public init?(headersOf request: borrowing some RequestHead) {
        guard let traceparent = request.value(of: .traceparent) else { return nil }
        self.init(traceparent: traceparent, state: request.value(of: .tracestate))
    }

    /// The `traceparent` header: `00-` trace `-` span `-` flags, 55 characters.
    public var traceparent: String {
        String(unsafeUninitializedCapacity: Self.traceparentLength) { buffer in
            writeTraceparent(to: UnsafeMutableRawBufferPointer(buffer))
            return Self.traceparentLength
        }
    }

    /// How many bytes a `traceparent` header has.
    package static let traceparentLength = 55

    /// Writes the `traceparent` header.
    /// - Parameter buffer: Where to; `traceparentLength` bytes at least.
    package func writeTraceparent(to buffer: UnsafeMutableRawBufferPointer) {
        var writer = HexWriter(buffer)
        writer.byte(0)
        writer.dash()
        writer.word(traceIDHigh)
        writer.word(traceIDLow)
        writer.dash()
        writer.word(spanID)
        writer.dash()
        writer.byte(flags)
    }

    /// The trace's identifier as 32 lower-case hexadecimal digits.
    public var traceIDText: String {
        String(unsafeUninitializedCapacity: 32) { buffer in
            var writer = HexWriter(UnsafeMutableRawBufferPointer(buffer))
            writer.word(traceIDHigh)
            writer.word(traceIDLow)
            return 32
        }
    }

    /// The span's identifier as 16 lower-case hexadecimal digits.
    public var spanIDText: String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            var writer = HexWriter(UnsafeMutableRawBufferPointer(buffer))
            writer.word(spanID)
            return 16
        }
    }
}

extension HeaderName {
    // Made once: a literal is looked through for upper-case letters each time.
    @usableFromInline static let traceparent: HeaderName = "traceparent"
    @usableFromInline static let tracestate: HeaderName = "tracestate"
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

/// Writes lower-case hexadecimal digits, eight at once: every request carries 52 of them.
private struct HexWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private var position = 0

    init(_ buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
    }

    mutating func byte(_ value: UInt8) {
        put(UInt16(truncatingIfNeeded: Self.digits(UInt32(value) << 24)))
    }

    mutating func word(_ value: UInt64) {
        put(Self.digits(UInt32(truncatingIfNeeded: value >> 32)))
        put(Self.digits(UInt32(truncatingIfNeeded: value)))
    }

    mutating func dash() { put(UInt8(ascii: "-")) }

    private mutating func put(_ digits: some FixedWidthInteger) {
        buffer.storeBytes(of: digits.littleEndian, toByteOffset: position, as: type(of: digits))
        position += digits.bitWidth / 8
    }

    /// The eight digits of a number, the first in the lowest byte.
    private static func digits(_ value: UInt32) -> UInt64 {
        // A byte into every second one, then its high half into that one and its low half into the next.
        var halves = UInt64(value.byteSwapped)
        halves = (halves | halves << 16) & 0x0000_FFFF_0000_FFFF
        halves = (halves | halves << 8) & 0x00FF_00FF_00FF_00FF
        halves = (halves >> 4 | halves << 8) & 0x0F0F_0F0F_0F0F_0F0F
        // Adding 6 carries into the fifth bit from 10 on, where letters begin.
        let letters = (halves &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        let beforeLetters = UInt64(UInt8(ascii: "a") - UInt8(ascii: "9") - 1)
        return halves &+ 0x3030_3030_3030_3030 &+ letters &* beforeLetters
    }
}
