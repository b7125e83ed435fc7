// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore

/// A request as it goes on the wire: checked, with the mesh's own fields, framed in one unambiguous way.
///
/// Whether it is HTTP/1.1 or HTTP/2 is decided by the connection that takes it, which writes it then.
final class WireRequest: Sendable {
    /// How a receiver finds the end of the body in HTTP/1.1, and what it is told of its length in HTTP/2.
    enum Framing: Hashable, Sendable {
        /// There is no body.
        case none
        /// It has that many bytes.
        case length(Int)
        /// Each chunk tells its length, and trailers may follow.
        case chunked
    }

    /// What an attempt of a gRPC call says of itself.
    struct Call: Hashable, Sendable {
        /// The attempt, counted from 1; those after the first say how many came before (gRFC A6).
        let attempt: Int
    }

    let method: HTTPRequest.Method
    let path: String
    let authority: String
    /// The body, if it is in memory.
    let body: ByteBuffer?
    /// The fields behind the body; `nil` if there are none.
    let trailers: HTTPFields?
    /// Whether a body follows in chunks that are not known yet.
    let isStreamed: Bool
    let framing: Framing
    /// Whether the body waits until the server says `100 Continue`.
    let expectsContinue: Bool
    /// Whether the connection ends with this exchange.
    let closesConnection: Bool
    /// The value of `x-envoy-expected-rq-timeout-ms`, if the request has a deadline.
    let millisecondsLeft: UInt64?
    /// What a gRPC call says besides; `nil` for other requests.
    let call: Call?
    /// The value of `grpc-timeout`, in place of the other, if it is one and has a deadline.
    let timeLeft: Nanoseconds?
    /// At least as many bytes as the application's fields take in HTTP/1.1.
    let fieldBytes: Int

    private let fields: HTTPFields
    private let trace: TraceContext
    /// Whether every field goes on the wire as it is, which is what most requests are like.
    private let hasPlainFields: Bool

    /// The length that the application declared for a streamed body.
    var declaredLength: Int? {
        if isStreamed, case .length(let length) = framing { length } else { nil }
    }

    /// Prepares a request.
    /// - Parameters:
    ///   - trace: Its position in its trace; an invalid one is not told.
    ///   - deadline: When it ends; fields tell the time that is left.
    ///   - endpoint: Where it goes, which is its authority if it has none.
    ///   - now: When it is sent.
    ///   - call: What it says of itself if it is a gRPC call.
    /// - Throws: `MeshError` with code `invalidRequest`.
    init(
        _ request: borrowing OutboundRequest,
        trace: TraceContext,
        deadline: Deadline,
        endpoint: borrowing Endpoint,
        now: MeshInstant,
        call: Call? = nil
    ) throws(MeshError) {
        method = request.head.method
        guard method != .connect else { throw Self.invalid("CONNECT needs a tunnel, which is not supported") }
        path = request.path
        guard RequestTarget.isValid(path: path, allowsAsterisk: method == .options) else {
            throw Self.invalid("the path is not a request target")
        }
        // RFC 9112 §3.2: a request without authority has an empty Host; an endpoint's address says more.
        authority = request.authority ?? endpoint.address.description
        guard RequestTarget.isValid(authority: authority) else { throw Self.invalid("the authority is not valid") }

        fields = request.head.headerFields
        self.trace = trace
        self.call = call
        let left = deadline.isNever ? nil : deadline.remaining(at: now)
        timeLeft = call == nil ? nil : left
        millisecondsLeft = call == nil ? left.map { max(1, $0.millisecondsRoundedUp) } : nil
        let told = try Self.read(
            fields,
            hasTrace: trace.isValid,
            hasDeadline: millisecondsLeft != nil,
            hasTimeLeft: timeLeft != nil,
            hasBody: request.body.hasContent
        )
        hasPlainFields = told.arePlain
        fieldBytes = told.byteCount
        expectsContinue = told.expectsContinue
        closesConnection = told.closesConnection

        trailers = request.trailers.flatMap { $0.isEmpty ? nil : $0 }
        switch request.body.content {
        case .none:
            let isExpected = method == .post || method == .put || method == .patch
            (body, isStreamed) = (nil, false)
            framing = trailers != nil ? .chunked : isExpected ? .length(0) : .none
        case .bytes(let bytes):
            (body, isStreamed) = (bytes, false)
            framing = trailers != nil ? .chunked : .length(bytes.readableBytes)
        case .stream, .kept:
            (body, isStreamed) = (nil, true)
            framing = trailers != nil ? .chunked : try Self.framing(declaredLength: told.length)
        }
    }

    private static func framing(declaredLength: String?) throws(MeshError) -> Framing {
        guard let length = declaredLength else { return .chunked }
        guard length.utf8.allSatisfy({ 48...57 ~= $0 }), let count = Int(length) else {
            throw invalid("the length of the body is not a number")
        }
        return .length(count)
    }

    private static func invalid(_ message: String) -> MeshError {
        MeshError(.invalidRequest, origin: .downstream, message: message)
    }
}

// MARK: Fields

extension WireRequest {
    /// Hands out the application's fields that go on the wire, in their order, and not those that belong to a hop.
    func forEachOwnField(_ body: (HTTPField) -> Void) {
        for field in fields {
            guard hasPlainFields || Treatment(field, trace.isValid, millisecondsLeft != nil, timeLeft != nil) == .pass
            else { continue }
            body(field)
        }
    }

    /// The position of the request in its trace, if the mesh tells it.
    var tracePosition: TraceContext? { trace.isValid ? trace : nil }

    /// The trace's `tracestate`, if there is one that can be sent.
    var traceState: String? {
        guard trace.isValid, let state = trace.state, HTTPField.isValidValue(state) else { return nil }
        return state
    }

    /// What the application's fields say to this hop.
    private struct Told {
        var byteCount = 0
        var arePlain = true
        var length: String?
        var expectsContinue = false
        var closesConnection = false
    }

    private static func read(
        _ fields: HTTPFields,
        hasTrace: Bool,
        hasDeadline: Bool,
        hasTimeLeft: Bool,
        hasBody: Bool
    ) throws(MeshError) -> Told {
        var told = Told()
        for field in fields {
            told.byteCount += field.name.rawName.utf8.count + field.value.utf8.count + 4
            let treatment = Treatment(field, hasTrace, hasDeadline, hasTimeLeft)
            if treatment == .pass { continue }
            told.arePlain = false
            switch treatment {
            case .pass, .drop: break
            case .length:
                guard told.length == nil || told.length == field.value else {
                    throw invalid("the request has several lengths")
                }
                told.length = field.value
            case .expectation:
                guard field.value.lowercased() == "100-continue" else {
                    throw invalid("the request has an expectation that is not known")
                }
                // Without a body there is nothing to hold back.
                told.expectsContinue = hasBody
            case .connection:
                if field.value.utf8.count == 5, field.value.lowercased() == "close" { told.closesConnection = true }
            }
        }
        return told
    }

    /// What becomes of an application's field.
    private enum Treatment {
        case pass, drop, length, connection, expectation

        init(_ field: borrowing HTTPField, _ hasTrace: Bool, _ hasDeadline: Bool, _ hasTimeLeft: Bool) {
            let name = field.name.canonicalName
            self =
                switch name.utf8.count {
                // RFC 9113 §8.2.2: the only value that a hop after the first may see.
                case 2 where name == "te": field.value == "trailers" ? .pass : .drop
                case 4 where name == "host": .drop
                case 6 where name == "expect": .expectation
                case 7 where name == "upgrade": .drop
                case 10 where name == "connection": .connection
                case 10 where name == "keep-alive": .drop
                case 10 where name == "tracestate": hasTrace ? .drop : .pass
                case 11 where name == "traceparent": hasTrace ? .drop : .pass
                case 12 where hasTimeLeft && name == "grpc-timeout": .drop
                case 14 where name == "content-length": .length
                case 16 where name == "proxy-connection": .drop
                case 17 where name == "transfer-encoding": .drop
                case 30 where name == "x-envoy-expected-rq-timeout-ms": hasDeadline ? .drop : .pass
                default: .pass
                }
        }
    }
}
