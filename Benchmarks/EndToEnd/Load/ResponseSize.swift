// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import NIOCore

/// How much the server answers with.
enum ResponseSize: String, CaseIterable, Codable, ExpressibleByArgument {
    case small
    case large

    /// 128 bytes, where the cost of a request is everything, and 10 KB, a JSON document of common size.
    var byteCount: Int {
        switch self {
        case .small: 128
        case .large: 10 * 1024
        }
    }

    /// The path that asks for it.
    var path: String { "/v1/orders/\(rawValue)" }

    /// The body.
    var body: ByteBuffer {
        switch self {
        case .small: Self.smallBody
        case .large: Self.largeBody
        }
    }

    init(path: String) {
        self = path.hasSuffix("large") ? .large : .small
    }

    private static let smallBody = ByteBuffer(repeating: UInt8(ascii: "a"), count: ResponseSize.small.byteCount)
    private static let largeBody = ByteBuffer(repeating: UInt8(ascii: "a"), count: ResponseSize.large.byteCount)
}
