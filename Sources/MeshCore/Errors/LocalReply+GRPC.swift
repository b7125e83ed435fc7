// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension LocalReply {
    /// The same answer in the form that the caller of `request` understands: gRPC's callers read a status of their own,
    /// which stands in the head of a response that has no body (`Trailers-Only`).
    ///
    /// Envoy does so with each of its local replies.
    /// - Parameter grpcStatus: gRPC's status; `nil` for the one that the HTTP status stands for.
    public func adapted(to request: some RequestHead, grpcStatus: Int? = nil) -> LocalReply {
        guard let contentType = request.value(of: "content-type"), Self.isGRPC(contentType) else { return self }
        return inGRPC(status: grpcStatus)
    }

    /// The same answer for a caller that is known to speak gRPC; one that has a `grpc-status` already stays as it is.
    /// - Parameter grpcStatus: gRPC's status; `nil` for the one that the HTTP status stands for.
    package func inGRPC(status grpcStatus: Int?) -> LocalReply {
        guard !isInGRPC else { return self }
        var reply = LocalReply(status: 200)
        reply.headers = [
            Header("content-type", "application/grpc"),
            Header("grpc-status", "\(grpcStatus ?? Self.grpcStatus(ofHTTP: status))"),
        ]
        if !body.isEmpty { reply.headers.append(Header("grpc-message", Self.percentEncoded(body))) }
        reply.headers += headers.filter { !["content-type", "content-length"].contains($0.name.lowercased) }
        return reply
    }

    /// Whether it has gRPC's form already.
    package var isInGRPC: Bool { headers.contains { $0.name.lowercased == "grpc-status" } }

    /// Whether a content type is one of gRPC's: `application/grpc`, alone or before `+`, and nothing else.
    package static func isGRPC(_ contentType: String) -> Bool {
        let prefix = "application/grpc"
        guard contentType.utf8.count >= prefix.utf8.count else { return false }
        guard contentType.utf8.prefix(prefix.utf8.count).elementsEqual(prefix.utf8) else { return false }
        guard let next = contentType.utf8.dropFirst(prefix.utf8.count).first else { return true }
        return next == UInt8(ascii: "+")
    }

    /// What gRPC makes of an HTTP status that comes without a status of its own (`http-grpc-status-mapping.md`).
    public static func grpcStatus(ofHTTP status: Int) -> Int {
        switch status {
        case 400: 13
        case 401: 16
        case 403: 7
        case 404: 12
        case 429, 502, 503, 504: 14
        default: 2
        }
    }

    /// The HTTP status that a gRPC status stands for where rules speak of HTTP's alone, as Envoy has it.
    public static func httpStatus(ofGRPC status: Int) -> Int {
        switch status {
        case 0: 200
        case 1: 499
        case 3, 9, 11: 400
        case 4: 504
        case 5: 404
        case 6, 10: 409
        case 7: 403
        case 8: 429
        case 12: 501
        case 14: 503
        case 16: 401
        default: 500
        }
    }

    /// A text for `grpc-message`: printable ASCII but for `%` as it is, everything else by its bytes.
    package static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            if (0x20...0x7E).contains(byte), byte != UInt8(ascii: "%") {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
