// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore

/// Decides what becomes of a call for which there is nothing to send it to (gRPC's `wait_for_ready`).
///
/// A call that does not wait for ready waits for one thing only: the mesh's first configuration, as those of gRPC's
/// channels do while a target is being resolved. One that does waits for an endpoint, too, as long as its deadline lets
/// it. Neither waits where a rule refuses the call, or no route takes it.
struct Readiness {
    /// What follows.
    enum Action: Equatable {
        case fail
        /// Waits for a configuration.
        case awaitConfiguration(atMost: Nanoseconds)
        /// Tries again after that time.
        case pause(Nanoseconds)
    }

    private let waitsForReady: Bool
    private let configurationTimeout: Nanoseconds
    private let backoff: ReadinessBackoff
    private var hasAwaitedConfiguration = false
    private var pauses = 0

    init(_ settings: CallSettings) {
        self.init(
            waitsForReady: settings.waitsForReady,
            configurationTimeout: settings.configurationTimeout,
            backoff: settings.readinessBackoff
        )
    }

    init(waitsForReady: Bool, configurationTimeout: Nanoseconds, backoff: ReadinessBackoff) {
        self.waitsForReady = waitsForReady
        self.configurationTimeout = configurationTimeout
        self.backoff = backoff
    }

    /// A try has failed.
    /// - Parameter random: 64 random bits.
    mutating func failed(_ error: any Error, random: UInt64) -> Action {
        guard let error = error as? MeshError else { return .fail }
        let code = error.code == .retriesExhausted ? (error.cause as? MeshError)?.code ?? error.code : error.code
        if code == .notReady {
            guard !hasAwaitedConfiguration else { return pause(random) }
            hasAwaitedConfiguration = true
            return .awaitConfiguration(atMost: waitsForReady ? TimeoutHeaders.longest : configurationTimeout)
        }
        guard code == .noHealthyUpstream || code == .connectionFailed, error.requestState == .notSent else {
            return .fail
        }
        return pause(random)
    }

    private mutating func pause(_ random: UInt64) -> Action {
        guard waitsForReady else { return .fail }
        pauses = min(pauses + 1, 1 << 20)
        return .pause(backoff.pause(before: pauses, random: random))
    }
}
