// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshResilience
import Synchronization

/// Holds permits until a test ends them.
final class PermitBag: Sendable {
    /// A box, because an array holds copyable elements only.
    private final class Box: Sendable {
        private let permit: Mutex<AdaptiveLimitPermit?>

        init(_ permit: consuming sending AdaptiveLimitPermit) {
            self.permit = Mutex(permit)
        }

        func end(_ ending: LimitEnding) {
            permit.withLock { permit in
                if let held = permit.take() { held.ended(ending) }
            }
        }
    }

    private let boxes = Mutex<[Box]>([])

    func keep(_ permit: consuming sending AdaptiveLimitPermit) {
        let box = Box(permit)
        boxes.withLock { $0.append(box) }
    }

    func end(_ ending: LimitEnding) {
        let ended = boxes.withLock { boxes in
            defer { boxes = [] }
            return boxes
        }
        for box in ended { box.end(ending) }
    }
}
