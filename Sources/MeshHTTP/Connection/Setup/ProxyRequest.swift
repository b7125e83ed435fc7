// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore

/// What is asked of an HTTP proxy: a tunnel (RFC 9110 §9.3.6).
struct ProxyRequest {
    let text: String

    init(to address: EndpointAddress, authorization: String?) {
        var text = "CONNECT \(address) HTTP/1.1\r\nhost: \(address)\r\n"
        // What would end the line early is not sent at all.
        if let authorization, authorization.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) {
            text += "proxy-authorization: \(authorization)\r\n"
        }
        self.text = text + "\r\n"
    }
}

/// What a proxy answers, as far as it has come.
struct ProxyReply {
    /// What is known of the answer.
    enum Verdict {
        case incomplete
        /// The tunnel stands; these bytes came through it already.
        case accepted(rest: ByteBuffer)
        case refused(Refusal)
    }

    /// A proxy that makes no tunnel.
    struct Refusal: Error, Hashable, CustomStringConvertible {
        var description: String
    }

    /// The longest answer that is read. Proxies answer with a few lines.
    static let maximumBytes = 16 * 1024

    private var received = ByteBuffer()

    mutating func received(_ bytes: ByteBuffer) -> Verdict {
        received.writeImmutableBuffer(bytes)
        let view = received.readableBytesView
        guard let end = view.firstRange(of: [13, 10, 13, 10]) else {
            guard received.readableBytes <= Self.maximumBytes else {
                return .refused(Refusal(description: "the proxy's answer is longer than \(Self.maximumBytes) bytes"))
            }
            return .incomplete
        }
        let line = view[..<end.lowerBound].prefix { $0 != 13 }
        let words = String(decoding: line.prefix(200), as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].count == 3, let status = Int(words[1]) else {
            return .refused(Refusal(description: "the proxy's answer is no HTTP response"))
        }
        guard 200...299 ~= status else {
            return .refused(Refusal(description: "the proxy refused the tunnel with status \(status)"))
        }
        var rest = received
        rest.moveReaderIndex(to: end.upperBound)
        return .accepted(rest: rest)
    }
}
