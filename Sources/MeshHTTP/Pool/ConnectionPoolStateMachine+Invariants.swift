// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension ConnectionPoolStateMachine {
    /// Checks what must always hold, in debug builds.
    func checkInvariants() {
        let dialing = connections.values.filter { $0.state == .dialing }
        let ready = connections.values.filter { $0.state == .ready }
        assert(dialingCapacity == dialing.reduce(0) { $0 + $1.capacity }, "what is being made is counted")
        assert(live == dialing.count + ready.count, "live connections are counted")
        assert(active == connections.values.reduce(0) { $0 + $1.leased }, "requests on connections are counted")
        assert(connections.values.allSatisfy { $0.leased >= 0 }, "nobody is released twice")
        let findable = availableConnections
        assert(Set(findable).count == findable.count, "nobody is offered twice")
        assert(
            Set(findable) == Set(connections.keys { $0.hasRoom }),
            "what has room can be found, and nothing else"
        )
        if pending.count > dialingCapacity {
            let hasOther = connections.values.contains { $0.state == .draining }
            assert(findable.isEmpty && (isAtLimit || hasOther), "nobody waits for nothing")
        }
    }
}
