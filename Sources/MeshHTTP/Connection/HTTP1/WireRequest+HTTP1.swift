// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore

extension WireRequest {
    /// Writes the request's head as HTTP/1.1 has it (RFC 9112 §3), with the empty line at its end.
    ///
    /// It is written straight from the request into the connection's buffer. What is written has been checked: the
    /// request's target and authority here, names and values by swift-http-types, which lets no CR, LF or NUL pass.
    func writeHTTP1Head(to buffer: inout ByteBuffer) {
        let state = traceState
        let own = method.rawValue.utf8.count + path.utf8.count + authority.utf8.count + (state?.utf8.count ?? 0)
        // Room for the names, digits and line ends of everything that this function may add.
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: own + fieldBytes + 320) { memory in
            var text = TextWriter(memory)
            text.put(method.rawValue)
            text.put(" ")
            text.put(path)
            text.put(" HTTP/1.1\r\nhost: ")
            text.put(authority)
            text.put("\r\n")
            forEachOwnField { text.put($0) }
            if expectsContinue { text.put("expect: 100-continue\r\n") }
            if closesConnection { text.put("connection: close\r\n") }
            if let trace = tracePosition {
                text.put("traceparent: ")
                text.put(trace)
                text.put("\r\n")
            }
            if let state {
                text.put("tracestate: ")
                text.put(state)
                text.put("\r\n")
            }
            if let timeout = millisecondsLeft {
                text.put("x-envoy-expected-rq-timeout-ms: ")
                text.put(timeout)
                text.put("\r\n")
            }
            switch framing {
            case .none: break
            case .length(let length):
                text.put("content-length: ")
                text.put(UInt64(length))
                text.put("\r\n")
            case .chunked: text.put("transfer-encoding: chunked\r\n")
            }
            text.put("\r\n")
            return text.count
        }
    }
}

extension ByteBuffer {
    /// Writes the line before a chunk's bytes (RFC 9112 §7.1).
    mutating func writeHTTP1ChunkHead(length: Int) {
        writeString(String(length, radix: 16))
        writeStaticString("\r\n")
    }

    /// Writes the last chunk, which is empty, and the trailers.
    mutating func writeHTTP1ChunkedEnd(trailers: HTTPFields?) {
        writeStaticString("0\r\n")
        for field in trailers ?? [:] {
            writeString(field.name.rawName)
            writeStaticString(": ")
            writeString(field.value)
            writeStaticString("\r\n")
        }
        writeStaticString("\r\n")
    }
}

/// Writes text to memory whose size has been reckoned before; it stops the process rather than write past its end.
private struct TextWriter {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
    }

    mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func put(_ text: String) {
        // A string without its bytes side by side, which macOS may bring from Objective-C, is copied first.
        if text.utf8.withContiguousStorageIfAvailable({ put(UnsafeRawBufferPointer($0)) }) == nil {
            Array(text.utf8).withUnsafeBytes { put($0) }
        }
    }

    mutating func put(_ field: HTTPField) {
        put(field.name.rawName)
        put(": ")
        field.withUnsafeBytesOfValue { put(UnsafeRawBufferPointer($0)) }
        put("\r\n")
    }

    mutating func put(_ trace: TraceContext) {
        let end = count + TraceContext.traceparentLength
        precondition(end <= memory.count, "the head is longer than was reckoned")
        trace.writeTraceparent(to: UnsafeMutableRawBufferPointer(rebasing: memory[count..<end]))
        count = end
    }

    mutating func put(_ number: UInt64) {
        var divisor: UInt64 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            let digit = UInt8(ascii: "0") + UInt8(number / divisor % 10)
            withUnsafeBytes(of: digit) { put($0) }
            divisor /= 10
        }
    }

    private mutating func put(_ bytes: UnsafeRawBufferPointer) {
        let end = count + bytes.count
        precondition(end <= memory.count, "the head is longer than was reckoned")
        UnsafeMutableRawBufferPointer(rebasing: memory[count..<end]).copyMemory(from: bytes)
        count = end
    }
}
