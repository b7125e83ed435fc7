// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Synchronization

/// Standard output, a line of JSON at a time.
enum LineOutput {
    private static let lock = Mutex(())

    /// Prints a value as one line, whatever other tasks print.
    static func write(_ value: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var line = try? encoder.encode(value) else { return }
        line.append(UInt8(ascii: "\n"))
        lock.withLock { _ in FileHandle.standardOutput.write(line) }
    }
}
