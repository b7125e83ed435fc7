// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a `grpc.health.v1.HealthCheckResponse` says, read from the frames of a call's answer.
enum GRPCHealthAnswer: Equatable {
    /// `SERVING`.
    case serving
    /// Another state, by its number: 0 unknown, 2 not serving, 3 no such service.
    case notServing(UInt64)
    /// It is no frame of such a message, or more than one.
    case malformed

    /// Reads frames; empty ones are passed over, as in Envoy, and mean the state 0 if there are no others.
    init(frames bytes: [UInt8]) {
        var rest = bytes[...]
        var message: ArraySlice<UInt8>?
        while !rest.isEmpty {
            guard rest.count >= 5 else {
                self = .malformed
                return
            }
            let head = rest.prefix(5)
            let length = head.dropFirst().reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(5)
            // Nothing was compressed that was not asked for.
            guard head.first == 0, length <= rest.count, length == 0 || message == nil else {
                self = .malformed
                return
            }
            if length > 0 { message = rest.prefix(length) }
            rest = rest.dropFirst(length)
        }
        switch Self.state(in: message ?? []) {
        case 1?: self = .serving
        case let state?: self = .notServing(state)
        case nil: self = .malformed
        }
    }

    /// The message's field 1, the last one if there are several; `nil` if it is no message.
    private static func state(in message: ArraySlice<UInt8>) -> UInt64? {
        var rest = message
        var state: UInt64 = 0
        while !rest.isEmpty {
            guard let tag = varint(&rest), tag >> 3 != 0 else { return nil }
            let length: UInt64
            switch tag & 7 {
            case 0:
                guard let value = varint(&rest) else { return nil }
                if tag >> 3 == 1 { state = value }
                continue
            case 1: length = 8
            case 2:
                guard let value = varint(&rest) else { return nil }
                length = value
            case 5: length = 4
            default: return nil
            }
            guard length <= UInt64(rest.count) else { return nil }
            rest = rest.dropFirst(Int(length))
        }
        return state
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for position in 0..<10 {
            guard let byte = rest.popFirst() else { return nil }
            // The tenth byte has room for one bit.
            guard position < 9 || byte <= 1 else { return nil }
            value |= UInt64(byte & 0x7F) << UInt64(7 * position)
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}
