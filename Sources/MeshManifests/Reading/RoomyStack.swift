// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Synchronization

/// Runs work on a stack of known size.
///
/// Yams recurses once for each level of nesting, libyaml stops at 1000 levels, and that takes up to 2 MB of stack in a
/// debug build. Threads of Swift's concurrency have 8 MB on most Linux systems, but 512 kB on Apple's and 128 kB with
/// musl, and an overflow is a crash that no limit of ours could prevent: our own count begins after Yams is done.
enum RoomyStack {
    private final class Slot<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }

    /// Runs `work` to its end and returns what it returns.
    static func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) -> Value {
        let slot = Slot<Value>()
        let finished = DispatchSemaphore(value: 0)
        let thread = Thread {
            let value = work()
            slot.value.withLock { $0 = value }
            finished.signal()
        }
        thread.stackSize = 16 << 20
        thread.start()
        finished.wait()
        // The thread signals only after it has stored its result.
        return slot.value.withLock { $0 } ?? work()
    }
}
