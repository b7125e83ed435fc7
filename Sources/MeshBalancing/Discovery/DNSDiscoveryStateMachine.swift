// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What is known of one host name, and when it is looked up next.
///
/// An answer without an address, and no answer, leave the last addresses in use. In that a strict DNS cluster differs from
/// Envoy's, which has no endpoint left after an empty answer; logical ones keep theirs there, too. An operator who wants a
/// name's endpoints gone takes the name out of the cluster.
///
/// An answer with the same addresses in another order is no change of the set, so that servers which rotate their answers
/// disturb nobody; who connects to the first of them hears of it.
public struct DNSDiscoveryStateMachine: Sendable {
    /// What an ended lookup means for those who use the name.
    public enum Change: Hashable, Sendable {
        /// Nothing.
        case none
        /// The same addresses, in another order.
        case order
        /// Other addresses; or it is known now that there is none.
        case members
    }

    /// The most addresses of one answer that are used.
    public static let maximumAddresses = 1024
    /// The bounds of a time to live that is heeded. Shorter ones would keep the resolver busy, longer ones hide a move.
    private static let timeToLive = (shortest: Nanoseconds.seconds(1), longest: Nanoseconds.seconds(3_600))

    /// The addresses in use, in the order of the last answer that had any.
    public private(set) var addresses: [IPAddress] = []
    /// Whether a lookup has ended, so that `addresses` says what is known.
    public private(set) var isKnown = false
    /// When the name is to be looked up next.
    public private(set) var nextLookup: MeshInstant
    /// How many lookups in a row have given no address.
    public private(set) var failuresInRow = 0
    /// When the last answer with an address came.
    public private(set) var answeredAt: MeshInstant?
    private var settings: DNSDiscovery
    /// The bound of the next wait after a failure.
    private var nextBackoff: Nanoseconds?

    /// Creates the state of a name that is to be looked up at once.
    public init(_ settings: DNSDiscovery, at now: MeshInstant) {
        self.settings = settings
        self.nextLookup = now
    }

    /// A lookup gave an answer.
    public mutating func answered(
        _ answer: [ResolvedAddress],
        at now: MeshInstant,
        using random: inout some RandomNumberGenerator
    ) -> Change {
        guard !answer.isEmpty else { return failed(at: now, using: &random) }
        failuresInRow = 0
        nextBackoff = nil
        answeredAt = now
        var wait = settings.refreshInterval
        if settings.respectsTTL, let shortest = answer.compactMap(\.timeToLive).min(), shortest > .zero {
            wait = min(max(shortest, Self.timeToLive.shortest), Self.timeToLive.longest)
        }
        if settings.jitter > .zero { wait = wait.adding(settings.jitter.fraction(using: &random)) }
        nextLookup = now.advanced(by: wait)
        var found: Set<IPAddress> = []
        var new: [IPAddress] = []
        for one in answer where new.count < Self.maximumAddresses && found.insert(one.address).inserted {
            new.append(one.address)
        }
        defer { (addresses, isKnown) = (new, true) }
        guard new != addresses else { return .none }
        return found == Set(addresses) ? .order : .members
    }

    /// A lookup gave no answer, or one without an address.
    public mutating func failed(at now: MeshInstant, using random: inout some RandomNumberGenerator) -> Change {
        if failuresInRow < .max { failuresInRow += 1 }
        var wait = settings.refreshInterval
        if let backoff = settings.failureBackoff {
            // Envoy's: at random below a bound that doubles, so that those who failed together do not come back so.
            let bound = min(nextBackoff ?? backoff.base, backoff.maximum)
            nextBackoff = min(bound.adding(bound), backoff.maximum)
            wait = max(bound.fraction(using: &random), .milliseconds(1))
        }
        nextLookup = now.advanced(by: wait)
        defer { isKnown = true }
        return isKnown ? .none : .members
    }

    /// The settings are others; what is known stays, and a shorter interval counts at once.
    public mutating func settingsChanged(to new: DNSDiscovery, at now: MeshInstant) {
        guard new != settings else { return }
        settings = new
        nextBackoff = nil
        nextLookup = min(nextLookup, now.advanced(by: new.refreshInterval))
    }
}

extension Nanoseconds {
    /// A random part of the span, less than all of it.
    fileprivate func fraction(using random: inout some RandomNumberGenerator) -> Nanoseconds {
        rawValue == 0 ? self : Nanoseconds(rawValue: random.next(upperBound: rawValue))
    }

    fileprivate func adding(_ other: Nanoseconds) -> Nanoseconds {
        let (sum, overflow) = rawValue.addingReportingOverflow(other.rawValue)
        return overflow ? .forever : Nanoseconds(rawValue: sum)
    }
}
