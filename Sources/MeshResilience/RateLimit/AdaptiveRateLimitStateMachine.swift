// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A token bucket whose rate follows the peer: multiplied by `beta` when it throttles, and on CUBIC's curve afterwards,
/// which rises fast, levels out at the rate that was too much last time, and then probes beyond it.
public struct AdaptiveRateLimitStateMachine: Sendable {
    /// What a caller gets.
    public enum Answer: Hashable, Sendable {
        /// It goes now.
        case granted
        /// It goes at that instant.
        case reserved(until: MeshInstant)
        /// There is no turn in time, and nothing has changed; trying again makes sense after that time.
        case refused(retryAfter: Nanoseconds)
    }

    /// The largest rate that is computed with: more calls a second than any process sends.
    private static let largestRate = 1e9

    private let configuration: AdaptiveRateLimitConfiguration
    /// Whether the peer has ever throttled; before, nothing is limited.
    public private(set) var isLimiting = false
    /// The sending rate that is allowed, in calls a second.
    public private(set) var rate = 0.0
    /// The sending rate that was measured, in calls a second.
    public private(set) var measuredRate = 0.0
    private var burst = 0.0
    private var tokens = 0.0
    private var filledAt: MeshInstant
    private var measuredAt: MeshInstant
    private var count = 0.0
    private var lastLargestRate = 0.0
    private var plateauAfter = 0.0
    private var throttledAt: MeshInstant

    /// Creates a limit that nobody has used.
    public init(_ configuration: AdaptiveRateLimitConfiguration, at now: MeshInstant) {
        self.configuration = configuration
        self.filledAt = now
        self.measuredAt = Self.start(of: now, configuration.measurement)
        self.throttledAt = now
    }

    /// A call wants to go.
    /// - Parameter latest: The last instant at which its turn may come.
    public mutating func permitWanted(at now: MeshInstant, until latest: MeshInstant) -> Answer {
        guard isLimiting else { return .granted }
        fill(at: now)
        if tokens >= 1 {
            tokens -= 1
            return .granted
        }
        // A debt, so that those who wait queue up behind each other instead of all waking at the same instant.
        let wait = Nanoseconds(rawValue: UInt64(min(((1 - tokens) / rate * 1e9).rounded(.up), 1e18)))
        let turn = now.advanced(by: wait)
        guard turn <= latest else { return .refused(retryAfter: wait) }
        tokens -= 1
        return .reserved(until: turn)
    }

    /// A call that was granted or reserved will not go: those who come after it go earlier.
    public mutating func permitGivenBack(at now: MeshInstant) {
        guard isLimiting else { return }
        fill(at: now)
        tokens = min(burst, tokens + 1)
    }

    /// An answer has come.
    /// - Parameter isThrottled: Whether the peer refused because there are too many calls.
    public mutating func responseReceived(isThrottled: Bool, at now: MeshInstant) {
        measure(at: now)
        let wanted: Double
        if isThrottled {
            let reached = isLimiting ? min(measuredRate, rate) : measuredRate
            wanted = throttled(from: reached, at: now)
            isLimiting = true
        } else {
            wanted = curve(at: now)
        }
        setRate(min(wanted, 2 * measuredRate), at: now)
    }

    /// The peer throttled at a rate: the curve starts anew.
    package mutating func throttled(from reached: Double, at now: MeshInstant) -> Double {
        lastLargestRate = reached
        plateauAfter = Self.plateau(of: reached, configuration)
        throttledAt = now
        return reached * configuration.beta
    }

    /// Where CUBIC's curve stands.
    package func curve(at now: MeshInstant) -> Double {
        Self.cubic(lastLargestRate, after: now.elapsed(since: throttledAt).seconds - plateauAfter, configuration)
    }

    /// How long after a throttled answer the curve is back at the rate before it, in seconds.
    static func plateau(of rate: Double, _ configuration: AdaptiveRateLimitConfiguration) -> Double {
        cubeRoot(rate * (1 - configuration.beta) / configuration.scale)
    }

    /// CUBIC's curve around its plateau.
    static func cubic(_ rate: Double, after seconds: Double, _ configuration: AdaptiveRateLimitConfiguration) -> Double
    {
        min(configuration.scale * seconds * seconds * seconds + rate, largestRate)
    }

    /// The cube root by Newton's method; the C library's is out of reach here. Zero for what is not above zero.
    package static func cubeRoot(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 0 }
        // A third of the exponent begins within a factor of two, from where eight steps reach the last bits.
        var root = Double(sign: .plus, exponent: value.exponent / 3, significand: 1)
        for _ in 0..<8 { root -= (root - value / (root * root)) / 3 }
        return root
    }

    private mutating func setRate(_ wanted: Double, at now: MeshInstant) {
        fill(at: now)
        rate = max(wanted, configuration.minimumRate)
        burst = max(wanted, configuration.minimumBurst)
        tokens = min(tokens, burst)
    }

    private mutating func fill(at now: MeshInstant) {
        tokens = min(burst, tokens + now.elapsed(since: filledAt).seconds * rate)
        filledAt = max(filledAt, now)
    }

    private mutating func measure(at now: MeshInstant) {
        count += 1
        let start = Self.start(of: now, configuration.measurement)
        guard start > measuredAt else { return }
        let current = count / start.elapsed(since: measuredAt).seconds
        measuredRate = current * configuration.smoothing + measuredRate * (1 - configuration.smoothing)
        count = 0
        measuredAt = start
    }

    /// Measurements begin on a grid, as in the SDKs.
    private static func start(of now: MeshInstant, _ measurement: Nanoseconds) -> MeshInstant {
        MeshInstant(nanoseconds: now.nanoseconds - now.nanoseconds % max(measurement.rawValue, 1))
    }
}
