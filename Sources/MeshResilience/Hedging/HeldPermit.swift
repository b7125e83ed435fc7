// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// The place that a hedge holds in the budget that it shares with retries, until its attempt has ended.
///
/// An attempt's task is a closure that is kept, and such a closure cannot give away a permit that only moves: so it is
/// kept here, and taken out once.
final class HeldPermit: Sendable {
    private let permit: Mutex<RetryPermit?>

    init(_ permit: consuming RetryPermit) {
        self.permit = Mutex(permit)
    }

    func giveBack() {
        // The permit is dropped outside this lock: it takes the budget's.
        let permit = permit.withLock { $0.take() }
        _ = consume permit
    }
}
