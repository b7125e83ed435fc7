// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

@testable import MeshObservability

/// Keeps what it is given, or fails.
final class CollectingExporter: SpanExporter {
    struct Failure: Error, CustomStringConvertible {
        var description: String { "no room" }
    }

    private struct State {
        var lines: [String] = []
        var isFailing = false
        var waiter: (count: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())

    var lines: [String] { state.withLock { $0.lines } }

    func fail(_ isFailing: Bool) { state.withLock { $0.isFailing = isFailing } }

    func export(_ request: [UInt8]) async throws {
        let waiter = try state.withLock { state in
            if state.isFailing { throw Failure() }
            state.lines.append(String(decoding: request, as: UTF8.self))
            guard let waiter = state.waiter, waiter.count <= state.lines.count else {
                return nil as CheckedContinuation<Void, Never>?
            }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }

    /// Waits until `count` requests have come. One waiter at a time.
    func waitForLines(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.lines.count >= count { return true }
                state.waiter = (count, continuation)
                return false
            }
            if isThere { continuation.resume() }
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
