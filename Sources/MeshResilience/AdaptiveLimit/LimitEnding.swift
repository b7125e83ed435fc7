// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How a call ended, as an adaptive limit sees it.
public enum LimitEnding: Hashable, Sendable {
    /// It was answered: its latency counts.
    case completed
    /// It ran into a timeout, or the peer refused it for want of capacity: the limit shrinks.
    case dropped
    /// It says nothing about the peer's capacity: the caller cancelled, or it failed for another reason.
    case ignored

    /// The ending of a call that was answered with a status.
    ///
    /// 429, 503 and 504 are drops. Other 5xx are ignored: a peer that fails at once would look fast.
    public init(status: Int) {
        self =
            switch status {
            case 429, 503, 504: .dropped
            case 500...: .ignored
            default: .completed
            }
    }

    /// The ending of a call that threw.
    ///
    /// Timeouts of calls that were sent are drops, whoever measured the time; so are refusals by the peer's own limits.
    public init(error: any Error) {
        guard let error = error as? MeshError else {
            self = .ignored
            return
        }
        switch error.code {
        case .attemptTimeout, .deadlineExceeded: self = error.requestState == .notSent ? .ignored : .dropped
        case .overflow, .shed, .rateLimited: self = error.origin == .upstream ? .dropped : .ignored
        default: self = .ignored
        }
    }
}
