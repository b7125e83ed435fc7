// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Counts exchanges that were opened and finished, and words what does not add up.
final class ContractLedger: Sendable {
    private struct State {
        var open = 0
        var found: [String] = []
    }

    private let state = Mutex(State())

    var violations: [String] {
        state.withLock { state in
            state.open == 0 ? state.found : state.found + ["\(state.open) responses were never finished"]
        }
    }

    func returned(openedBefore before: Int, openNow now: Int) {
        state.withLock { state in
            state.open += 1
            if now != before + 1 {
                state.found.append("send returned and the context counts \(now - before) new exchanges instead of 1")
            }
        }
    }

    func threw(openedBefore before: Int, openNow now: Int) {
        guard now != before else { return }
        state.withLock { $0.found.append("send threw and the context still counts an exchange") }
    }

    func finished(openBefore before: Int, openNow now: Int) {
        state.withLock { state in
            state.open -= 1
            if state.open < 0 {
                state.open = 0
                state.found.append("finish was called without a response to finish")
            }
            if now != before - 1 {
                state.found.append("finish changed the context's count by \(now - before) instead of -1")
            }
        }
    }
}
