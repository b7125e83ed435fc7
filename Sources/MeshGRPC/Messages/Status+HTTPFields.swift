// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import GRPCCore
package import HTTPTypes
import MeshCore

extension HTTPField.Name {
    /// `grpc-status`.
    package static let grpcStatus = known("grpc-status")
    /// `grpc-message`.
    package static let grpcMessage = known("grpc-message")
    /// `grpc-encoding`.
    package static let grpcEncoding = known("grpc-encoding")
    /// `grpc-accept-encoding`.
    package static let grpcAcceptEncoding = known("grpc-accept-encoding")
    /// `grpc-timeout`.
    package static let grpcTimeout = known("grpc-timeout")

    /// A name that is written here, and so is one.
    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is not a token") }
        return name
    }
}

extension Status {
    /// Reads the status of trailers, or of a head that has no body (`Trailers-Only`).
    ///
    /// A number that gRPC does not know counts as `unknown`, and so does what is no number.
    /// - Returns: `nil` if there is none.
    package init?(trailers fields: HTTPFields) {
        guard let text = fields[.grpcStatus] else { return nil }
        let message = fields[.grpcMessage].map { PercentCoding.decoded($0) } ?? ""
        guard let code = Int(text).flatMap({ Status.Code(rawValue: $0) }) else {
            self.init(code: .unknown, message: message.isEmpty ? "the peer's status \(text) is not known" : message)
            return
        }
        self.init(code: code, message: message)
    }

    /// Writes the status into trailers, or into a head that has no body.
    package func write(to fields: inout HTTPFields) {
        fields[.grpcStatus] = String(code.rawValue)
        if !message.isEmpty { fields[.grpcMessage] = LocalReply.percentEncoded(message) }
    }
}

/// The coding of `grpc-message`.
package enum PercentCoding {
    /// Reads a text. What is no escape stands for itself, and what is not UTF-8 then is replaced: a message that says
    /// something is better than none.
    package static func decoded(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        var bytes: [UInt8] = []
        let digits = Array(text.utf8)
        bytes.reserveCapacity(digits.count)
        var place = 0
        while place < digits.count {
            if digits[place] == UInt8(ascii: "%"), place + 2 < digits.count,
                let high = hexadecimal(digits[place + 1]), let low = hexadecimal(digits[place + 2])
            {
                bytes.append(high << 4 | low)
                place += 3
            } else {
                bytes.append(digits[place])
                place += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
