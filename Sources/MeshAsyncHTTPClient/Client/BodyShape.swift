// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient

/// What can be told of a body of AsyncHTTPClient's.
enum BodyShape: Equatable {
    /// It is in memory, in one piece: it can be sent again.
    case memory
    /// It comes as it is read; how long it is, if that is known.
    case stream(length: Int64?)

    /// AsyncHTTPClient keeps to itself whether a body is in memory and how long it is, but not from reflection. Without
    /// that, no body could be sent under its length, nor again. If a later version looks different inside, bodies
    /// become streams of unknown length, which is slower and as right.
    init(of body: HTTPClientRequest.Body) {
        self = .stream(length: nil)
        guard let mode = Mirror(reflecting: body).descendant("mode"),
            let content = Mirror(reflecting: mode).children.first
        else { return }
        switch content.label {
        case "byteBuffer", "sequence": self = .memory
        case "asyncSequence":
            guard let length = Mirror(reflecting: content.value).descendant("length") else { return }
            self = .stream(length: Mirror(reflecting: length).descendant("known") as? Int64)
        default: break
        }
    }
}
