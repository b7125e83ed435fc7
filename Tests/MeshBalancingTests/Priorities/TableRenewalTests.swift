// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Synchronization
import Testing

@testable import MeshBalancing

@Suite("Large tables made in the background", .timeLimit(.minutes(5)))
struct TableRenewalTests {
    /// Whether the current task stands for a request.
    @TaskLocal private static var isRequest = false

    /// A policy whose tables are large, and that knows who had to make them.
    private final class Maker: Sendable {
        let inRequests = Atomic<Int>(0)
        let inBackground = Atomic<Int>(0)
        /// What happens while one is being made in the background.
        let meanwhile = Mutex<(@Sendable () -> Void)?>(nil)
    }

    private struct Watched: LoadBalancingPolicy {
        let maker: Maker
        var makesTables = true

        var name: String { "watched" }

        func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
            if TableRenewalTests.isRequest {
                maker.inRequests.wrappingAdd(1, ordering: .relaxed)
            } else {
                maker.inBackground.wrappingAdd(1, ordering: .relaxed)
                maker.meanwhile.withLock { $0.take() }?()
            }
            return First(endpoints: endpoints)
        }

        static func == (first: Self, second: Self) -> Bool { first.maker === second.maker }

        func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(maker)) }
    }

    /// The first of those that it was made of, whatever became of it.
    private struct First: EndpointPicker {
        let endpoints: [EndpointState]

        func pick(for request: borrowing PickRequest) -> EndpointState? { endpoints.first }
    }

    private let maker = Maker()
    private let clock = ManualClock()
    private let renewal: TableRenewal
    private let endpoints: [EndpointState]
    private let picker: PriorityPicker

    init() {
        self.init(makesTables: true, count: 3)
    }

    private init(makesTables: Bool, count: UInt16) {
        renewal = TableRenewal(clock: clock)
        let signal = ClusterSignal(renewal: renewal)
        endpoints = (1...count).map { port in
            EndpointState(Endpoint(address: EndpointAddress(host: "e", port: port)), signal: signal)
        }
        picker = PriorityPicker(
            [PriorityGroup([.init(weight: nil, endpoints: endpoints)])],
            policy: Watched(maker: maker, makesTables: makesTables),
            settings: BalancingSettings(panicThreshold: 0),
            signal: signal,
            random: MeshRandom(seed: 1),
            at: clock.now
        )
        maker.inBackground.store(0, ordering: .relaxed)
    }

    private func pick() -> UInt16? {
        Self.$isRequest.withValue(true) {
            picker.pick(for: PickRequest(at: clock.now))?.endpoint.address.port
        }
    }

    /// Picks until it gives that endpoint, while somebody makes tables.
    private func whileRenewed(_ work: () async -> Void) async {
        await withTaskGroup { group in
            group.addTask { await self.renewal.run() }
            while !renewal.isRunning { await Task.yield() }
            await work()
            group.cancelAll()
        }
    }

    private func pickUntil(_ port: UInt16) async {
        while pick() != port { await Task.yield() }
    }

    @Test("requests go on with the old table, and none of them makes one")
    func background() async {
        await whileRenewed {
            endpoints[0].eject(until: clock.now.advanced(by: .seconds(30)))
            await pickUntil(2)
            // It ends with time alone, which nobody tells.
            clock.advance(by: .seconds(30))
            await pickUntil(1)
        }
        #expect(maker.inRequests.load(ordering: .relaxed) == 0)
        #expect(maker.inBackground.load(ordering: .relaxed) == 2)
    }

    @Test("a change that comes while a table is made is in the next one")
    func outdated() async {
        await whileRenewed {
            maker.meanwhile.withLock { [endpoints, clock] in
                $0 = { endpoints[1].eject(until: clock.now.advanced(by: .seconds(30))) }
            }
            endpoints[0].eject(until: clock.now.advanced(by: .seconds(30)))
            await pickUntil(3)
        }
        #expect(maker.inRequests.load(ordering: .relaxed) == 0)
        #expect(maker.inBackground.load(ordering: .relaxed) == 2)
    }

    @Test("while nobody makes tables, the first request does")
    func inRequests() async {
        await whileRenewed {}
        endpoints[0].eject(until: clock.now.advanced(by: .seconds(30)))
        #expect(pick() == 2)
        #expect(pick() == 2)
        #expect(maker.inRequests.load(ordering: .relaxed) == 1)
        #expect(maker.inBackground.load(ordering: .relaxed) == 0)
    }

    @Test("what was ordered before the end is done, and later changes are known all the same", arguments: 0..<20)
    func ending(_ number: Int) async {
        await whileRenewed { endpoints[0].eject(until: clock.now.advanced(by: .seconds(30))) }
        #expect(pick() == 2)
        endpoints[1].eject(until: clock.now.advanced(by: .seconds(30)))
        #expect(pick() == 3)
    }

    @Test("a small table is made by the first request at once, and one of many endpoints is not")
    func size() async {
        for (count, makers) in [(255, (requests: 1, background: 0)), (256, (0, 1))] as [(UInt16, (Int, Int))] {
            let world = Self(makesTables: false, count: count)
            await world.whileRenewed {
                world.endpoints[0].eject(until: world.clock.now.advanced(by: .seconds(30)))
                if makers.0 == 1 { #expect(world.pick() == 2) }
                await world.pickUntil(2)
            }
            #expect(world.maker.inRequests.load(ordering: .relaxed) == makers.0, "\(count)")
            #expect(world.maker.inBackground.load(ordering: .relaxed) == makers.1, "\(count)")
        }
    }
}
