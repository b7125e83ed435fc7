// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

@testable import MeshObservability

/// Keeps what it is given, or fails.
final class CollectingExporter: SpanExporter {
    struct Failure: Error, CustomStringConvertible {
        var description: String { "no room" }
    }

    private let state = Mutex<(lines: [String], isFailing: Bool)>(([], false))

    var lines: [String] { state.withLock { $0.lines } }

    func fail(_ isFailing: Bool) { state.withLock { $0.isFailing = isFailing } }

    func export(_ request: [UInt8]) async throws {
        try state.withLock { state in
            if state.isFailing { throw Failure() }
            state.lines.append(String(decoding: request, as: UTF8.self))
        }
    }
}

extension String {
    /// How often `part` occurs.
    func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
