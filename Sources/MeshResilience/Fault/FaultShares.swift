// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The shares of the calls that get faults, apart from what the faults are: most calls get none, and cost no more than
/// the draws.
@usableFromInline
struct FaultShares: Sendable {
    /// The faults that chance gives one call.
    @usableFromInline
    struct Drawn: OptionSet, Sendable {
        @usableFromInline let rawValue: UInt8

        @usableFromInline
        init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Chance does not decide alone.
        static let undecided = Drawn(rawValue: 128)
        static let responseRate = Drawn(rawValue: 1)
        static let delay = Drawn(rawValue: 2)
        static let abort = Drawn(rawValue: 4)
    }

    private let responseRate: FractionalPercent?
    private let delay: FractionalPercent?
    private let abort: FractionalPercent?

    /// The configured shares, each cut to what the request asks for where requests may.
    init(of configuration: FaultConfiguration, cutTo wishes: FaultWishes = FaultWishes()) {
        responseRate = configuration.responseRate.map {
            $0.isByHeader ? $0.percentage.cut(to: wishes.rateShare) : $0.percentage
        }
        delay = configuration.delay.map { $0.isByHeader ? $0.percentage.cut(to: wishes.delayShare) : $0.percentage }
        abort = configuration.abort.map { $0.isByHeader ? $0.percentage.cut(to: wishes.abortShare) : $0.percentage }
    }

    /// Draws once for each fault that there is, in Envoy's order: the response's rate, the delay, the abort.
    func drawn(using random: MeshRandom) -> Drawn {
        var drawn: Drawn = []
        if let responseRate, responseRate.contains(random.next()) { drawn.insert(.responseRate) }
        if let delay, delay.contains(random.next()) { drawn.insert(.delay) }
        if let abort, abort.contains(random.next()) { drawn.insert(.abort) }
        return drawn
    }
}
