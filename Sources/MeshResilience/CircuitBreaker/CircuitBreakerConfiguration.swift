// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// When a circuit breaker opens, for how long, and how it closes again.
///
/// Every rule that opens it is optional, and they combine: the first that is broken opens it. The defaults are Hystrix'
/// and resilience4j's common ground; the static presets (`.resilience4j`, `.linkerd`, …) are other libraries' dialects.
public struct CircuitBreakerConfiguration: Hashable, Sendable {
    /// How the time that it stays open grows with each opening that no recovery came before.
    public enum OpenGrowth: Hashable, Sendable {
        /// It does not grow.
        case constant
        /// The second opening takes twice the first, the third three times (Envoy's outlier ejection).
        case linear
        /// Each opening takes that many times the one before; from 1 up.
        case exponential(Double)
    }

    /// How chance changes the time that it stays open, so that many callers do not probe at the same instant.
    public enum OpenJitter: Hashable, Sendable {
        /// Not at all.
        case none
        /// From the second opening on, half of the time is fixed and up to another half is added (Finagle's
        /// `equalJittered`, whose first time is exact, too).
        case equal
        /// Up to that share of the time is added; 0 to 100 (Linkerd's `ExponentialBackoff`).
        case additive(Double)
        /// Up to that share of the time is added or taken away; 0 to 1 (resilience4j's randomized interval).
        case symmetric(Double)
    }

    /// What closes a half-open breaker.
    public enum Recovery: Hashable, Sendable {
        /// Every one of `probes` succeeds; the first that fails opens it (Hystrix, Polly, gobreaker).
        case allProbesSucceed
        /// That many probes succeed one after another, however many are out at once (gopkg, Failsafe).
        case successes(Int)
        /// Exactly `probes` results are in, and their rates keep the rules of the closed state (resilience4j).
        case rates
    }

    /// What becomes of the counts while it is open.
    public enum OpenCounts: Hashable, Sendable {
        /// The counts that opened it stay to be read; a result that comes in late changes nothing (Linkerd).
        case frozen
        /// Late results of calls that were admitted while it was closed are counted, without effect (resilience4j).
        case live
        /// They are forgotten at once (gobreaker).
        case cleared
    }

    /// The state that it begins in.
    public enum InitialState: Hashable, Sendable {
        /// Calls pass.
        case closed
        /// Calls are refused for `openDuration`.
        case open
        /// Probes pass.
        case halfOpen
        /// Calls are refused until somebody says otherwise.
        case forcedOpen
    }

    /// The share of failures, above 0 to 1, at which it opens (`>=`); `nil` leaves the rule out.
    ///
    /// Default 0.5: Hystrix, resilience4j.
    public var failureRate: Double?
    /// The fewest calls in the window before a rate counts; at most the window's size counts where calls limit it.
    ///
    /// 0 is the same as 1. Default 20: Hystrix' `requestVolumeThreshold`.
    public var minimumCalls: Int
    /// The time that the counts look back; `forever` never forgets until the state changes (gobreaker's interval 0).
    ///
    /// A bucket is at least 1 ms wide, so that a shorter window is longer than it says. Default 10 s: Hystrix' rolling
    /// window.
    public var window: Nanoseconds
    /// How long it stays open before it lets probes through, above 0 to 24 h.
    ///
    /// Default 5 s: Hystrix' `sleepWindow`, Polly.
    public var openDuration: Nanoseconds
    /// How many probes it lets through at once when half open.
    ///
    /// Default 1: Hystrix, Polly.
    public var probes: Int
    /// Into how many buckets the window is divided; it forgets one bucket at a time. One bucket forgets all at once.
    ///
    /// Default 10: Hystrix, Polly, Linkerd.
    public var buckets: Int
    /// The window's size in calls; `nil` lets `window` limit it by time.
    ///
    /// Default `nil`: Hystrix.
    public var callWindow: Int?
    /// How many failures one after another open it, whatever the window says; `nil` leaves the rule out.
    ///
    /// Default `nil`: Hystrix and resilience4j have no such rule.
    public var consecutiveFailures: Int?
    /// How many failures in the window open it, however many calls there were; `nil` leaves the rule out.
    ///
    /// Default `nil`: as above; failsafe-go's `WithFailureThresholdPeriod`, Sentinel's error count.
    public var failureCount: Int?
    /// The share of successes, 0 to 1, below which it opens (`<`); `nil` leaves the rule out.
    ///
    /// Not quite `failureRate` in other words: a rate that is exactly met does not open it. Default `nil`; Linkerd's and
    /// Finagle's rule.
    public var minimumSuccessRate: Double?
    /// The exponentially weighted share of successes, 0 to 1, below which it opens (`<`) once `averageSpan` calls are
    /// in; `nil` leaves the rule out.
    ///
    /// Default `nil`; Finagle's `FailureAccrualPolicy.successRate`.
    public var averageSuccessRate: Double?
    /// Over how many calls the weight of a result falls to 1/e in that average.
    ///
    /// Default 100: Finagle's documentation.
    public var averageSpan: Int
    /// The share of slow calls, above 0 to 1, at which it opens (`>=`); `nil` leaves the rule out, and nothing is timed.
    ///
    /// Default `nil`: only resilience4j (1.0) and Sentinel have it.
    public var slowCallRate: Double?
    /// A call that takes longer (`>`) is slow.
    ///
    /// Default 60 s: resilience4j's `slowCallDurationThreshold`.
    public var slowCallDuration: Nanoseconds
    /// Whether a success that is not slow can open it, too, when it is the call that makes `minimumCalls` full.
    ///
    /// Default `false`: Polly, Finagle, gobreaker; resilience4j and Hystrix judge every call.
    public var opensOnAnyCall: Bool
    /// How the open time grows.
    ///
    /// Default constant: Hystrix, Polly, resilience4j.
    public var openGrowth: OpenGrowth
    /// How chance changes the open time.
    ///
    /// Default none: Hystrix, Polly, resilience4j.
    public var openJitter: OpenJitter
    /// The longest time that growth and jitter lead to.
    ///
    /// Default 24 h: the bound of `openDuration`; Finagle and Envoy say 300 s, Linkerd 60 s.
    public var maximumOpenDuration: Nanoseconds
    /// The exact times of the first openings in a row, before `openDuration` and its growth begin.
    ///
    /// This stands in for the functions of other libraries (Polly's break-duration generator, Finagle's back-off
    /// stream): a value can be compared, pushed and described. Default empty.
    public var openSchedule: [Nanoseconds]
    /// The longest time that a peer's `Retry-After` keeps it open; zero does not honour it.
    ///
    /// Default zero: Linkerd, whose cap is 300 s once somebody asks for it.
    public var maximumRetryAfter: Nanoseconds
    /// What closes it when it is half open.
    ///
    /// Default all probes succeed: Hystrix, Polly, gobreaker.
    public var recovery: Recovery
    /// The time between two probes; zero lets them through together.
    ///
    /// Default zero: Hystrix; gopkg says 200 ms.
    public var probeInterval: Nanoseconds
    /// When every probe is out and the last one that long, others take their places, and what these report is late.
    ///
    /// Default 60 s: ours. The libraries wait for ever, which is how a probe that hangs keeps a circuit shut (Hystrix PR
    /// 1621, resilience4j #903, Polly #1979).
    public var probeTimeout: Nanoseconds
    /// How long it stays half open without a decision, whether for probes that do not report or for want of calls.
    ///
    /// Default forever: resilience4j's `maxWaitDurationInHalfOpenState`.
    public var halfOpenLimit: Nanoseconds
    /// Whether it closes after that time instead of opening.
    ///
    /// Default `false`: resilience4j.
    public var closesAfterHalfOpenLimit: Bool
    /// Whether a probe that its caller gave up opens it again, instead of leaving its place to another.
    ///
    /// Default `false`: resilience4j, Finagle; Hystrix opens again.
    public var reopensOnIgnoredProbe: Bool
    /// Whether it is half open as soon as the open time is over, instead of when the next call asks.
    ///
    /// Default `false`: resilience4j. The change is told by whoever looks first, or by `followClock`.
    public var isHalfOpenAutomatic: Bool
    /// What becomes of the counts while it is open.
    ///
    /// Default frozen: Linkerd.
    public var countsWhileOpen: OpenCounts
    /// Whether the layer tells answers of overload (429, `RESOURCE_EXHAUSTED`) from others: they count against the rates
    /// and fail a probe, and no run of failures is made of them.
    ///
    /// Default `false`; Linkerd does.
    public var recognizesOverload: Bool
    /// The state that it begins in.
    ///
    /// Default closed: every library.
    public var initialState: InitialState
    /// Whether it acts on what it decides.
    ///
    /// Default enforce.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        failureRate: Double? = 0.5,
        minimumCalls: Int = 20,
        window: Nanoseconds = .seconds(10),
        openDuration: Nanoseconds = .seconds(5),
        probes: Int = 1,
        buckets: Int = 10,
        callWindow: Int? = nil,
        consecutiveFailures: Int? = nil,
        failureCount: Int? = nil,
        minimumSuccessRate: Double? = nil,
        averageSuccessRate: Double? = nil,
        averageSpan: Int = 100,
        slowCallRate: Double? = nil,
        slowCallDuration: Nanoseconds = .seconds(60),
        opensOnAnyCall: Bool = false,
        openGrowth: OpenGrowth = .constant,
        openJitter: OpenJitter = .none,
        maximumOpenDuration: Nanoseconds = .seconds(86_400),
        openSchedule: [Nanoseconds] = [],
        maximumRetryAfter: Nanoseconds = .zero,
        recovery: Recovery = .allProbesSucceed,
        probeInterval: Nanoseconds = .zero,
        probeTimeout: Nanoseconds = .seconds(60),
        halfOpenLimit: Nanoseconds = .forever,
        closesAfterHalfOpenLimit: Bool = false,
        reopensOnIgnoredProbe: Bool = false,
        isHalfOpenAutomatic: Bool = false,
        countsWhileOpen: OpenCounts = .frozen,
        recognizesOverload: Bool = false,
        initialState: InitialState = .closed,
        mode: PolicyMode = .enforce
    ) {
        self.failureRate = failureRate
        self.minimumCalls = minimumCalls
        self.window = window
        self.openDuration = openDuration
        self.probes = probes
        self.buckets = buckets
        self.callWindow = callWindow
        self.consecutiveFailures = consecutiveFailures
        self.failureCount = failureCount
        self.minimumSuccessRate = minimumSuccessRate
        self.averageSuccessRate = averageSuccessRate
        self.averageSpan = averageSpan
        self.slowCallRate = slowCallRate
        self.slowCallDuration = slowCallDuration
        self.opensOnAnyCall = opensOnAnyCall
        self.openGrowth = openGrowth
        self.openJitter = openJitter
        self.maximumOpenDuration = maximumOpenDuration
        self.openSchedule = openSchedule
        self.maximumRetryAfter = maximumRetryAfter
        self.recovery = recovery
        self.probeInterval = probeInterval
        self.probeTimeout = probeTimeout
        self.halfOpenLimit = halfOpenLimit
        self.closesAfterHalfOpenLimit = closesAfterHalfOpenLimit
        self.reopensOnIgnoredProbe = reopensOnIgnoredProbe
        self.isHalfOpenAutomatic = isHalfOpenAutomatic
        self.countsWhileOpen = countsWhileOpen
        self.recognizesOverload = recognizesOverload
        self.initialState = initialState
        self.mode = mode
    }
}
