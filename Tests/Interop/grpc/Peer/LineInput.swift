// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// Standard input, a line at a time.
enum LineInput {
    /// The lines until the input is closed.
    ///
    /// A thread of its own reads, because reading blocks. Nothing bounds how far it reads ahead: the script that writes
    /// the lines is ours.
    static func lines() -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        Thread.detachNewThread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        return stream
    }
}
