// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Decides what a service tells the registry next, and when.
///
/// ```
///                accepted
///   register ───────────────▶ renew ──accepted──▶ renew, a third of the lease later
///    ▲   │ failed: back off     │ │
///    └───┘                      │ └─failed: back off, at most a third of the lease
///    ▲                          │
///    └────────── missing ───────┘          refused: stop
///
///   register, renew ──drainingBegan──▶ drain, at once; then drain for renew, to the end
/// ```
/// An instance that drains and is missing is not registered again: it is about to leave anyway.
struct RegistrationStateMachine: Equatable {
    /// What to send.
    enum Request: Equatable {
        case register
        case renew
        /// Renews, and says that the instance finishes what it has and wants no more.
        case drain
    }

    /// How it went.
    enum Answer: Equatable {
        case accepted(lease: Nanoseconds)
        /// The registry does not know the instance: it was restarted, or the lease ran out.
        case missing
        /// The registry does not take the token.
        case refused
        case failed
    }

    /// What to do then.
    enum Action: Equatable {
        case send(Request, at: MeshInstant)
        case stop
    }

    private var request = Request.register
    private(set) var isDraining = false
    private var lease: Nanoseconds?
    private var failures: UInt64 = 0
    /// The first wait after a failure.
    let baseBackoff: Nanoseconds
    /// The longest wait after a failure.
    let maximumBackoff: Nanoseconds

    init(baseBackoff: Nanoseconds, maximumBackoff: Nanoseconds) {
        self.baseBackoff = baseBackoff
        self.maximumBackoff = maximumBackoff
    }

    /// How long a request may take: one that takes longer than a third of the lease is no use.
    var requestTimeout: Nanoseconds { min(.seconds(5), lease.map(Self.third) ?? .seconds(5)) }

    /// The instance is on its way out.
    /// - Returns: What to send at once, in place of what was to be sent later; `nil` if the registry knows nothing of the
    ///   instance yet, or knows already.
    mutating func drainingBegan() -> Request? {
        guard !isDraining else { return nil }
        isDraining = true
        guard request == .renew else { return nil }
        request = .drain
        failures = 0
        return request
    }

    mutating func answered(_ answer: Answer, at now: MeshInstant, using random: MeshRandom) -> Action {
        switch answer {
        case .accepted(let granted):
            failures = 0
            lease = granted
            let isNews = isDraining && request != .drain
            request = isDraining ? .drain : .renew
            return .send(request, at: isNews ? now : now.advanced(by: Self.third(of: granted)))
        case .missing where request == .drain:
            return .send(request, at: now.advanced(by: lease.map(Self.third) ?? maximumBackoff))
        case .missing where request == .renew:
            request = .register
            return .send(request, at: now)
        case .refused:
            return .stop
        case .missing, .failed:
            failures += 1
            var limit = maximumBackoff
            if request != .register, let lease { limit = min(limit, Self.third(of: lease)) }
            return .send(request, at: now.advanced(by: backoff(limit: limit, using: random)))
        }
    }

    /// Doubles with each failure; between half of it and the whole, so that a fleet does not come back in step.
    private func backoff(limit: Nanoseconds, using random: MeshRandom) -> Nanoseconds {
        let doublings = min(failures - 1, 20)
        let (product, overflow) = baseBackoff.rawValue.multipliedReportingOverflow(by: 1 << doublings)
        let longest = min(overflow ? .max : product, limit.rawValue)
        return Nanoseconds(rawValue: longest / 2 + random.below(longest / 2 + 1))
    }

    private static func third(of lease: Nanoseconds) -> Nanoseconds {
        Nanoseconds(rawValue: max(lease.rawValue / 3, Nanoseconds.milliseconds(100).rawValue))
    }
}
