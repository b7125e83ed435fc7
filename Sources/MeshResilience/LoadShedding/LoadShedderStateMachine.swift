// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Decides which requests are refused under load: the least important first, and within a class those of the users who
/// ask for most.
///
/// Each signal of load gives a share of the requests to be refused; the greatest counts. The requests of the last while
/// say which priority that share reaches up to.
public struct LoadShedderStateMachine: Sendable {
    /// What a request is told.
    public enum Answer: Hashable, Sendable {
        /// It is served.
        case admitted
        /// It is refused: `priority` if more important ones are served, `limit` if none is, `latency` if the system's load
        /// is too high for what is under way.
        case refused(PolicyDecision.Reason)
    }

    /// What is known about a request.
    public struct Call: Hashable, Sendable {
        /// How much it matters.
        public var criticality: Criticality
        /// A hash of the user who makes it; `nil` if there is none.
        public var user: UInt64?
        /// A random number, 0 to 99: it stands among those of its class by chance.
        public var chance: Int

        /// Creates a description.
        public init(_ criticality: Criticality, user: UInt64? = nil, chance: Int) {
            self.criticality = criticality
            self.user = user
            self.chance = chance
        }
    }

    private let configuration: LoadShedderConfiguration
    /// How many requests are served at once.
    public private(set) var capacity: Int?
    /// The requests under way.
    public private(set) var inFlight = 0
    private var priorities = PriorityHistogram()
    private var usage = UsageSketch()
    private var throughput: ThroughputWindow
    private var fadesAt: MeshInstant?
    private var leastDelay = Nanoseconds.forever
    private var leastDelayBefore = Nanoseconds.zero
    private var delayTurnsAt: MeshInstant?

    /// Creates a machine that has seen nothing.
    public init(_ configuration: LoadShedderConfiguration) {
        self.configuration = configuration
        self.capacity = configuration.capacity
        self.throughput = ThroughputWindow(configuration.loadWindow)
    }

    /// A request wants to be served.
    /// - Parameters:
    ///   - load: The system's load, if it is known.
    ///   - signal: The share that other signals want refused, 0 to 1.
    public mutating func callWanted(_ call: Call, load: Double?, signal: Double, at now: MeshInstant) -> Answer {
        fade(at: now)
        let priority = priority(of: call)
        priorities.add(priority)
        let answer = answer(to: priority, load: load, signal: signal, at: now)
        if answer == .admitted { inFlight += 1 }
        return answer
    }

    /// A request that was admitted has ended.
    /// - Parameter latency: How long it took; `nil` if it was not served.
    public mutating func callEnded(latency: Nanoseconds?, at now: MeshInstant) {
        inFlight = max(inFlight - 1, 0)
        if let latency { throughput.served(in: latency, at: now) }
    }

    /// A request has waited that long before it was begun.
    public mutating func waited(_ delay: Nanoseconds, at now: MeshInstant) {
        turnDelays(at: now)
        leastDelay = min(leastDelay, delay)
    }

    /// So many requests are served at once from now on.
    public mutating func capacityChanged(to newCapacity: Int?) {
        capacity = newCapacity.map { max($0, 1) }
    }

    /// The share of the requests that is to be refused, 0 to 1; the rule of the system's load apart.
    public mutating func refusalShare(signal: Double, at now: MeshInstant) -> Double {
        var share = signal.isNaN ? 0 : max(0, min(signal, 1))
        if let capacity {
            let queue = Double(max(inFlight - capacity, 0)) / Double(capacity)
            share = max(share, Self.share(queue, from: configuration.queueFrom, to: configuration.queueTo))
        }
        if let from = configuration.delayFrom {
            turnDelays(at: now)
            let delay = Double(leastDelayBefore.rawValue)
            let to = Double(configuration.delayTo.rawValue)
            share = max(share, Self.share(delay, from: Double(from.rawValue), to: to))
        }
        return share
    }

    /// 0 up to `from`, 1 from `to` on, even in between.
    static func share(_ value: Double, from: Double, to: Double) -> Double {
        if value >= to { return 1 }
        return value <= from ? 0 : (value - from) / (to - from)
    }

    private mutating func answer(
        to priority: ShedPriority,
        load: Double?,
        signal: Double,
        at now: MeshInstant
    ) -> Answer {
        if isOverBound(priority.criticality, load: load, at: now) { return .refused(.latency) }
        let share = refusalShare(signal: signal, at: now)
        guard share > 0 else { return .admitted }
        guard share < 1 else { return .refused(.limit) }
        return priority.rawValue < priorities.threshold(refusing: share) ? .refused(.priority) : .admitted
    }

    /// Sentinel's rule after TCP BBR: under high load no more is under way than the best throughput times the shortest
    /// latency; a single request always may be. What must not fail may be twice as many, which Sentinel does not know.
    private func isOverBound(_ criticality: Criticality, load: Double?, at now: MeshInstant) -> Bool {
        guard let trigger = configuration.loadTrigger, let load, load > trigger, inFlight > 1,
            let bound = throughput.bound(at: now)
        else { return false }
        return Double(inFlight) > (criticality == .criticalPlus ? bound * 2 : bound)
    }

    /// Within a class, chance decides among equals, and who asks for most stands in the lower half.
    private mutating func priority(of call: Call) -> ShedPriority {
        guard let user = call.user else { return ShedPriority(call.criticality, level: call.chance) }
        let modesty = 1 - usage.asked(user)
        return ShedPriority(call.criticality, level: Int(modesty * 50) + call.chance / 2)
    }

    private mutating func fade(at now: MeshInstant) {
        guard let due = fadesAt else {
            fadesAt = now.advanced(by: configuration.memory)
            return
        }
        guard now >= due else { return }
        fadesAt = now.advanced(by: configuration.memory)
        priorities.fade()
        usage.fade()
    }

    /// The least delay of the last whole interval counts; an interval in which nobody waited had none.
    private mutating func turnDelays(at now: MeshInstant) {
        let interval = configuration.delayInterval
        guard let due = delayTurnsAt else {
            delayTurnsAt = now.advanced(by: interval)
            return
        }
        guard now >= due else { return }
        let isLate = now >= due.advanced(by: interval)
        leastDelayBefore = leastDelay == .forever || isLate ? .zero : leastDelay
        leastDelay = .forever
        delayTurnsAt = now.advanced(by: interval)
    }
}
