// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Counts a source's resources by their states, and knows when there is something new to tell (gRFC A78).
struct ResourceCensus {
    /// Up to how many resources are counted each time that something happens; more are once a second, since a count looks
    /// at each.
    static let fewResources = 512
    /// How long it is between two counts of more.
    static let period = Nanoseconds.seconds(1)

    private var told: [ResourceCount.Key: Int] = [:]
    private var countedAt: MeshInstant?

    /// Counts, if it is time, and tells of what is not as it was told last.
    ///
    /// What is put off is counted when something happens next: a session's time passes every 15 s at the latest.
    mutating func count(
        _ machine: borrowing Mutex<ADSSessionStateMachine>,
        at now: MeshInstant,
        _ tell: ([ResourceCount]) -> Void
    ) {
        let counts = machine.withLock { machine -> [ResourceCount.Key: Int]? in
            let isFew = machine.resourceBound <= Self.fewResources
            guard isFew || countedAt.map({ now.elapsed(since: $0) >= Self.period }) ?? true else { return nil }
            return machine.resourceCounts()
        }
        guard let counts else { return }
        countedAt = now
        guard counts != told else { return }
        let gone = told.keys.filter { counts[$0] == nil }.map { ResourceCount($0, 0) }
        told = counts
        tell(counts.map { ResourceCount($0, $1) } + gone)
    }
}

extension ResourceCensus {
    /// Nobody follows the resources any more.
    mutating func end(_ tell: ([ResourceCount]) -> Void) {
        guard !told.isEmpty else { return }
        tell(told.keys.map { ResourceCount($0, 0) })
        told = [:]
    }
}

extension ADSSessionStateMachine {
    /// At least as many resources as there are.
    var resourceBound: Int {
        servers.lists.reduce(0) { $1.subscriptions.values.reduce($0) { $0 + $1.resourceBound } }
    }

    /// How many resources there are in each state. What belongs to no control plane is nobody's.
    func resourceCounts() -> [ResourceCount.Key: Int] {
        var counts: [ResourceCount.Key: Int] = [:]
        for list in servers.lists {
            for (kind, subscription) in list.subscriptions { subscription.count(as: kind, into: &counts) }
        }
        return counts
    }
}

extension ADSSubscription {
    fileprivate var resourceBound: Int { isWildcard ? names.count + cached.count + problems.count : names.count }

    /// - Complexity: O(n) in the number of resources, most of which cost no more than a look at their names.
    fileprivate func count(as kind: ResourceKind, into counts: inout [ResourceCount.Key: Int]) {
        let known = isWildcard ? names.union(cached.keys).union(problems.keys) : names
        // As a rule all is well, and their number is all there is to know.
        let areAllInUse = problems.isEmpty && absences.isEmpty && isSettled
        var inUse = 0
        for name in known {
            let isNewStyle = XDSResourceName.isNewStyle(name)
            guard isNewStyle || !areAllInUse else {
                inUse += 1
                continue
            }
            let authority = isNewStyle ? name.resourceAuthority.map(String.init) ?? "" : nil
            let key = ResourceCount.Key(authority: authority, type: kind.rawValue, state: countedState(of: name))
            counts[key, default: 0] += 1
        }
        guard inUse > 0 else { return }
        counts[ResourceCount.Key(authority: nil, type: kind.rawValue, state: .acked), default: 0] += inUse
    }

    private func countedState(of name: String) -> ResourceCount.State {
        let isCached = cached[name] != nil
        switch problems[name]?.cause {
        case .refused: return isCached ? .nackedButCached : .nacked
        case .reported: return isCached ? .receivedErrorButCached : .receivedError
        case .deleted: return isCached ? .doesNotExistButCached : .doesNotExist
        case nil: break
        }
        if isCached { return .acked }
        switch absences[name] {
        case .missing: return .doesNotExist
        case .timedOut: return .timeout
        case nil: return .requested
        }
    }
}

extension ResourceCount {
    /// What is counted together.
    struct Key: Hashable {
        var authority: String?
        var type: String
        var state: State
    }

    fileprivate init(_ key: Key, _ count: Int) {
        self.init(authority: key.authority, type: key.type, state: key.state, count: count)
    }
}
